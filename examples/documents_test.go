package examples_test

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/e6data/e6data-go/emulator"
	"github.com/e6data/e6data-go/internal/stress"
)

func TestMain(m *testing.M) {
	// A flag of the command line, which is parsed later, wins.
	if err := flag.Set("rapid.checks", fmt.Sprint(stress.Count(10, 40))); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// documents returns the texts that are written by hand, by their paths.
func documents(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for _, pattern := range []string{"../docs/*.md", "../*.md", "../deploy/*.md", "../.github/*.md"} {
		paths, err := filepath.Glob(pattern)
		require.NoError(t, err)
		require.NotEmpty(t, paths, pattern)
		for _, path := range paths {
			text, err := os.ReadFile(path)
			require.NoError(t, err)
			all[path] = string(text)
		}
	}
	return all
}

// blocks returns what stands between the fences of one language.
func blocks(text, language string) (found []string) {
	fenced := regexp.MustCompile("(?ms)^```" + language + "\n(.*?)^```$")
	for _, match := range fenced.FindAllStringSubmatch(text, -1) {
		found = append(found, match[1])
	}
	return found
}

// imported are the packages that a snippet may use without an import.
var imported = []string{
	"context", "database/sql", "errors", "fmt", "log", "log/slog", "net/http", "net/url", "os", "testing", "testing/synctest", "time",
	"github.com/stretchr/testify/require",
	"github.com/e6data/e6data-go/e6", "github.com/e6data/e6data-go/e6/e6test", "github.com/e6data/e6data-go/e6/events",
	"github.com/e6data/e6data-go/e6/fsm", "github.com/e6data/e6data-go/e6/hook", "github.com/e6data/e6data-go/e6/vector",
	"github.com/e6data/e6data-go/e6/recorder", "github.com/e6data/e6data-go/e6/recorder/recordertest", "github.com/e6data/e6data-go/e6/store", "github.com/e6data/e6data-go/e6/store/storetest",
	"github.com/e6data/e6data-go/e6/auth", "github.com/e6data/e6data-go/e6/config", "github.com/e6data/e6data-go/e6/profile", "github.com/e6data/e6data-go/e6/sqldriver",
	"github.com/e6data/e6data-go/e6/audit", "github.com/e6data/e6data-go/e6/debug", "github.com/e6data/e6data-go/e6/otel", "github.com/e6data/e6data-go/emulator",
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc", "go.opentelemetry.io/otel/sdk/trace",
	"go.opentelemetry.io/otel", "github.com/shopspring/decimal", "github.com/cockroachdb/apd/v3",
}

// nameOf is the name of a package.
func nameOf(path string) string {
	switch path {
	case "github.com/e6data/e6data-go/e6/otel":
		return "e6otel"
	case "go.opentelemetry.io/otel/sdk/trace":
		return "sdktrace"
	case "github.com/cockroachdb/apd/v3":
		return "apd"
	}
	return filepath.Base(path)
}

// file makes a Go file of a snippet: a body of a function that has a context, a
// client, its configuration, a database and a token, or declarations.
func file(snippet string) string {
	var b strings.Builder
	b.WriteString("package snippet\n\n")
	use := func(path string) { fmt.Fprintf(&b, "import %s %q\n", nameOf(path), path) }
	body := !regexp.MustCompile(`(?m)^func `).MatchString(snippet)
	for _, path := range imported {
		used := regexp.MustCompile(`\b` + nameOf(path) + `\.[A-Z]`).MatchString(snippet)
		if used || body && (path == "context" || path == "database/sql" || strings.HasSuffix(path, "/e6")) {
			use(path)
		}
	}
	if body {
		snippet = "func _(ctx context.Context, client *e6.Client, cfg e6.Config, db *sql.DB, token string) error {\n" + snippet + "\nreturn nil\n}\n"
	}
	return b.String() + "\n" + snippet
}

func TestDocuments_GoSnippetsCompileAndTheirTestsPass(t *testing.T) {
	require.NoError(t, os.MkdirAll("testdata", 0o755))
	dir, err := os.MkdirTemp("testdata", "snippets-")
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, os.RemoveAll(dir))
		_ = os.Remove("testdata") // if nothing else is in it
	})
	count := 0
	for path, text := range documents(t) {
		for i, snippet := range blocks(text, "go") {
			// As test files, they may use the imports of tests, and those that are tests run.
			name := fmt.Sprintf("%s_%d_test.go", strings.NewReplacer("../", "", "/", "_", ".md", "").Replace(filepath.ToSlash(path)), i+1)
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(file(snippet)), 0o644))
			count++
		}
	}
	require.NotZero(t, count)
	out, err := exec.CommandContext(t.Context(), "go", "test", "-vet=all", "./"+dir).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// A reader sees code on the first screen, and writes each headline program in 20 lines.
func TestReadme_HeadlineProgramsTakeTwentyLines(t *testing.T) {
	readme := documents(t)["../README.md"]
	lines := strings.Split(readme, "\n")
	require.Contains(t, lines[:20], "```go")
	for _, section := range []string{"Be notified of strategy changes", "Select the side, or veto a change", "Trace a cutover"} {
		_, text, found := strings.Cut(readme, "\n## "+section+"\n")
		require.True(t, found, "README.md has no section %q", section)
		text, _, _ = strings.Cut(text, "\n## ")
		programs := blocks(text, "go")
		require.NotEmpty(t, programs, section)
		for _, program := range programs {
			require.LessOrEqual(t, strings.Count(program, "\n"), 20, "%s:\n%s", section, program)
		}
	}
}

// anchors are the names by which the sections of a page can be linked to.
func anchors(page string) (names []string) {
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		names = append(names, strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, m[1]))
	}
	return names
}

func TestDocuments_LinksHaveATarget(t *testing.T) {
	code := regexp.MustCompile("(?ms)^```.*?^```$")
	link := regexp.MustCompile(`\]\(([^)#:]*)(?:#([^)]*))?\)`)
	for path, text := range documents(t) {
		for _, match := range link.FindAllStringSubmatch(code.ReplaceAllString(text, ""), -1) {
			to := filepath.Join(filepath.Dir(path), match[1])
			if match[1] == "" {
				to = path // a section of the same page
			}
			require.FileExists(t, to, "%s links to it", path)
			if match[2] != "" && filepath.Ext(to) == ".md" {
				page, err := os.ReadFile(to)
				require.NoError(t, err)
				require.Contains(t, anchors(code.ReplaceAllString(string(page), "")), match[2], "%s links to this section of %s", path, to)
			}
		}
	}
}

// The index has a line for each page and each reader, so that a new page is found.
func TestDocuments_IndexNamesEveryPage(t *testing.T) {
	all := documents(t)
	index := all["../docs/README.md"]
	var readers []string
	for line := range strings.Lines(index) {
		if reader, ok := strings.CutPrefix(line, "## "); ok {
			readers = append(readers, strings.TrimSpace(reader))
		} else if len(readers) > 0 && strings.TrimSpace(line) != "" {
			require.Regexp(t, `^- \[([^]]+)\]\(\S+\): .+[^.]\n$`, line, "an entry is one line")
		}
	}
	require.Equal(t, []string{"You write an application", "You run the platform", "You are on call", "You contribute"}, readers)
	require.Contains(t, all["../README.md"], "](docs/README.md)")
	for path := range all {
		name := strings.TrimPrefix(filepath.ToSlash(path), "../docs/")
		if name != "README.md" && !strings.HasPrefix(name, "../") {
			require.Contains(t, index, "- ["+name+"]("+name, "docs/README.md does not name it")
		}
	}
}

func TestDocuments_NamedFilesExist(t *testing.T) {
	name := regexp.MustCompile("`((?:\\.ci|\\.github|api|bench|cmd|deploy|docs|e6|emulator|examples|internal|proto)/[\\w./-]+\\.(?:go|md|proto|sh|thrift|txt|yml))`")
	count := 0
	for path, text := range documents(t) {
		for _, match := range name.FindAllStringSubmatch(text, -1) {
			require.FileExists(t, filepath.Join("..", match[1]), "%s names it", path)
			count++
		}
	}
	require.NotZero(t, count)
}

// The word after "make" in backquotes or in an indented block is a target of the Makefile.
func TestDocuments_MakeTargetsExist(t *testing.T) {
	makefile, err := os.ReadFile("../Makefile")
	require.NoError(t, err)
	targets := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^([a-z]+):`).FindAllStringSubmatch(string(makefile), -1) {
		targets[m[1]] = true
	}
	count := 0
	for path, text := range documents(t) {
		for _, m := range regexp.MustCompile("(?m)(?:`|^ {4,})make ([a-z]+)").FindAllStringSubmatch(text, -1) {
			require.True(t, targets[m[1]], "%s: make %s", path, m[1])
			count++
		}
	}
	require.Greater(t, count, 20)
}

func TestDocuments_HTTPRequestsWork(t *testing.T) {
	em, err := emulator.Start(emulator.Options{NoSample: true, Admin: "127.0.0.1:0"})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, em.Close()) })
	transport := &http.Transport{DisableKeepAlives: true}
	curl := regexp.MustCompile(`(?m)^curl (-X (\w+) )?'?127\.0\.0\.1:50053([^'\s]*)`)
	count := 0
	for path, text := range documents(t) {
		for _, block := range blocks(text, "sh") {
			lines := curl.FindAllStringSubmatch(block, -1)
			require.Len(t, lines, strings.Count(block, "curl "), "%s: a line is not understood: %s", path, block)
			for _, line := range lines {
				method := line[2]
				if method == "" {
					method = http.MethodGet
				}
				request, err := http.NewRequestWithContext(t.Context(), method, "http://"+em.AdminAddr()+line[3], http.NoBody)
				require.NoError(t, err)
				answer, err := transport.RoundTrip(request)
				require.NoError(t, err)
				body, err := io.ReadAll(answer.Body)
				require.NoError(t, err)
				require.NoError(t, answer.Body.Close())
				require.Contains(t, []int{http.StatusOK, http.StatusAccepted}, answer.StatusCode, "%s: %s: %s", path, line[0], bytes.TrimSpace(body))
				// A cutover goes on after the answer, and there is one at a time.
				require.Eventually(t, func() bool {
					status, err := http.Get("http://" + em.AdminAddr() + "/status")
					require.NoError(t, err)
					defer status.Body.Close()
					text, err := io.ReadAll(status.Body)
					require.NoError(t, err)
					return !bytes.Contains(text, []byte(`"running"`))
				}, stress.Patience, 10*time.Millisecond)
				count++
			}
		}
	}
	require.NotZero(t, count)
}
