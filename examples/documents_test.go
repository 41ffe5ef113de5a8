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

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/e6data/e6data-go/emulator"
	"github.com/e6data/e6data-go/internal/stress"
)

func TestMain(m *testing.M) {
	// A flag of the command line, which is parsed later, wins.
	if err := flag.Set("rapid.checks", fmt.Sprint(stress.Count(20, 100))); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}

// documents returns the texts that are written by hand, by their paths.
func documents(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("../docs/*.md")
	require.NoError(t, err)
	all := make(map[string]string)
	for _, path := range append(paths, "../README.md") {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		all[path] = string(text)
	}
	require.Greater(t, len(all), 1)
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

// imported are the packages that a snippet may use without saying so.
var imported = []string{
	"context", "database/sql", "errors", "fmt", "log", "log/slog", "net/http", "net/url", "os", "testing", "testing/synctest", "time",
	"github.com/stretchr/testify/require",
	"github.com/e6data/e6data-go/e6", "github.com/e6data/e6data-go/e6/e6test", "github.com/e6data/e6data-go/e6/events",
	"github.com/e6data/e6data-go/e6/fsm", "github.com/e6data/e6data-go/e6/vector",
	"github.com/e6data/e6data-go/e6/store", "github.com/e6data/e6data-go/e6/store/storetest",
	"github.com/e6data/e6data-go/e6/auth", "github.com/e6data/e6data-go/e6/profile", "github.com/e6data/e6data-go/e6/sqldriver",
	"github.com/e6data/e6data-go/e6/debug", "github.com/e6data/e6data-go/e6/otel", "github.com/e6data/e6data-go/emulator",
	"go.opentelemetry.io/otel", "github.com/shopspring/decimal", "github.com/cockroachdb/apd/v3",
}

// nameOf is the name of a package.
func nameOf(path string) string {
	switch path {
	case "github.com/e6data/e6data-go/e6/otel":
		return "e6otel"
	case "github.com/cockroachdb/apd/v3":
		return "apd"
	}
	return filepath.Base(path)
}

// file makes a Go file of a snippet: a body of a function that has a context, a
// client, a database and a token, or declarations.
func file(snippet string) string {
	var b strings.Builder
	b.WriteString("package snippet\n\n")
	use := func(path string) { fmt.Fprintf(&b, "import %q\n", path) }
	body := !regexp.MustCompile(`(?m)^func `).MatchString(snippet)
	for _, path := range imported {
		used := regexp.MustCompile(`\b` + nameOf(path) + `\.[A-Z]`).MatchString(snippet)
		if used || body && (path == "context" || path == "database/sql" || strings.HasSuffix(path, "/e6")) {
			use(path)
		}
	}
	if body {
		snippet = "func _(ctx context.Context, client *e6.Client, db *sql.DB, token string) error {\n" + snippet + "\nreturn nil\n}\n"
	}
	return b.String() + "\n" + snippet
}

func TestTheGoInTheDocumentsCompilesAndItsTestsPass(t *testing.T) {
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
			// As test files, they may use whatever tests use, and those that are tests run.
			name := fmt.Sprintf("%s_%d_test.go", strings.TrimSuffix(filepath.Base(path), ".md"), i+1)
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(file(snippet)), 0o644))
			count++
		}
	}
	require.NotZero(t, count)
	out, err := exec.CommandContext(t.Context(), "go", "test", "-vet=all", "./"+dir).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func TestTheLinksInTheDocumentsLeadSomewhere(t *testing.T) {
	code := regexp.MustCompile("(?ms)^```.*?^```$")
	link := regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)
	for path, text := range documents(t) {
		for _, match := range link.FindAllStringSubmatch(code.ReplaceAllString(text, ""), -1) {
			require.FileExists(t, filepath.Join(filepath.Dir(path), match[1]), "%s links to it", path)
		}
	}
}

func TestTheFilesThatTheDocumentsNameExist(t *testing.T) {
	name := regexp.MustCompile("`((?:e6|emulator|examples|internal)/[\\w/]+\\.go)`")
	count := 0
	for path, text := range documents(t) {
		for _, match := range name.FindAllStringSubmatch(text, -1) {
			require.FileExists(t, filepath.Join("..", match[1]), "%s names it", path)
			count++
		}
	}
	require.NotZero(t, count)
}

func TestTheRequestsInTheDocumentsWork(t *testing.T) {
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
