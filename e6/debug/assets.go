package debug

import (
	"embed"
	"mime"
	"path"

	"github.com/e6data/e6data-go/internal/timeline"
)

//go:embed assets
var files embed.FS

type asset struct {
	contentType string
	body        []byte
}

// assets are the files of the page by their names; the page itself has none.
var assets = map[string]asset{
	"":             load("page.html", "text/html"),
	"page.css":     load("page.css", "text/css"),
	"timeline.css": {"text/css; charset=utf-8", []byte(timeline.CSS)},
	"page.js":      load("page.js", "text/javascript"),
	"stream.js":    load("stream.js", "text/javascript"),
	"machine.js":   load("machine.js", "text/javascript"),
	"timeline.js":  load("timeline.js", "text/javascript"),
	"chart.js":     load("chart.js", "text/javascript"),
	"tables.js":    load("tables.js", "text/javascript"),
	"format.js":    load("format.js", "text/javascript"),
	"icon.svg":     load("icon.svg", "image/svg+xml"),
}

// load reads a file that was embedded. Its type is given, as what a system knows
// about extensions may be wrong.
func load(name, contentType string) asset {
	body, err := files.ReadFile(path.Join("assets", name))
	if err != nil {
		panic(err) // the program was built without it, which go:embed rules out for a name that a test requests
	}
	return asset{mime.FormatMediaType(contentType, map[string]string{"charset": "utf-8"}), body}
}
