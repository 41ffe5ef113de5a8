package browser

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// playground builds the page and returns the address of its file.
func playground(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	// go test runs the tests again after a change of the files that they have read.
	programs, err := filepath.Glob(filepath.Join(root, "internal", "playground", "wasm", "*.go"))
	require.NoError(t, err)
	require.NotEmpty(t, programs)
	for _, program := range programs {
		_, err := os.ReadFile(program)
		require.NoError(t, err)
	}
	file := filepath.Join(t.TempDir(), "playground.html")
	// In a process of its own, without the race detector, the compression takes a second.
	build := exec.CommandContext(t.Context(), "go", "run", "./internal/playground/build", "-o", file)
	build.Dir = root
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return "file://" + filepath.ToSlash(file)
}

const (
	// cutovers and failures are what the playground counts.
	cutovers = `document.getElementById("cutovers").textContent`
	failures = `document.getElementById("failed").textContent + " failed, " + document.getElementById("wrong").textContent + " wrong"`
	// change is the last change of the active side.
	change  = `document.getElementById("last-change").textContent`
	caption = `document.getElementById("caption").textContent`
	queries = `parseInt(document.getElementById("queries").textContent)`
)

// click clicks an element. The search of chromedp would also find the selector in the scripts.
func (b *tab) click(selector string) {
	b.t.Helper()
	b.run(chromedp.Click(selector, chromedp.ByQuery))
}

// press clicks a button in the card of a side.
func (b *tab) press(side, button string) {
	b.t.Helper()
	b.click("#" + side + " [data-" + button + "]")
}

// The page is opened as a file. The first cutover comes by itself, and is shown within patience,
// which is a minute; those after it are requested by clicks.
func TestPlayground_ShowsCutoversLiveAndFailsNoQuery(t *testing.T) {
	b := newTab(t)
	url := playground(t)
	b.show(screens[0])
	b.run(chromedp.Navigate(url))
	b.waitFor(cutovers + ` === "1"`)
	b.waitFor(lit + ` === "state-green"`)
	b.waitFor(headline + ` === "Green serves"`)
	require.Contains(t, value[string](b, change), "blue → green (announced)")
	require.Greater(t, value[int](b, queries), 5)
	b.waitFor(`document.querySelectorAll("#running [data-side=green]").length > 1`)

	b.press("blue", "command=cutover") // ends the demo
	b.waitFor(lit + ` === "state-blue"`)
	b.waitFor(change + `.includes("green → blue (abrupt)")`)
	b.waitFor(`document.querySelector("#green .pill").textContent === "Closed"`)
	b.waitFor(`document.querySelector("#timeline desc")?.textContent.includes("change abrupt")`)

	b.press("green", "command=announce")
	b.waitFor(lit + ` === "state-green"`)
	b.press("green", "toggle=health")
	b.waitFor(`document.querySelector("#green .pill").textContent === "Unhealthy"`)
	b.waitFor(change + `.includes("green → blue (rolled back)")`)
	b.waitFor(lit + ` === "state-blue"`)
	require.Equal(t, "0 failed, 0 wrong", value[string](b, failures))
	require.Equal(t, "4", value[string](b, cutovers))

	for _, s := range screens {
		b.show(s)
		b.waitFor(`(` + tooWide + `).length === 0`) // the timeline of the last screen is drawn again
		b.picture("playground-" + s.name)
	}

	b.click("#reset")
	b.waitFor(cutovers + ` === "0" && ` + queries + ` === 0`)
	b.waitFor(caption + `.startsWith("Start the load")`)
	b.click("#load")
	b.waitFor(queries + ` > 0`)
	require.Empty(t, b.complaints())
}
