package arch

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDocuments_TestsOfTheThreatModelExist(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "security.md"))
	require.NoError(t, err)
	named := regexp.MustCompile("`(Test[A-Za-z0-9]+)`").FindAllStringSubmatch(string(text), -1)
	require.NotEmpty(t, named)
	exist := map[string]bool{}
	goFiles(t, func(path, text string) {
		if !strings.HasSuffix(path, "_test.go") {
			return
		}
		for line := range strings.Lines(text) {
			if rest, ok := strings.CutPrefix(line, "func Test"); ok {
				name, _, _ := strings.Cut(rest, "(")
				exist["Test"+name] = true
			}
		}
	})
	for _, m := range named {
		require.True(t, exist[m[1]], "docs/security.md names %s, which is no test", m[1])
	}
}

// Each row of the two paths in docs/architecture.md names a package and a function of it.
func TestArchitecture_FunctionsOfThePathsExist(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "architecture.md"))
	require.NoError(t, err)
	rows := regexp.MustCompile("(?m)^\\| \\d+ \\| `([^`]+)` \\| `([^`]+)` \\|").FindAllStringSubmatch(string(text), -1)
	require.Greater(t, len(rows), 20)
	declared := map[string]bool{}
	function := regexp.MustCompile(`^func (?:\([^)]*\) )?(\w+)[\[(]`)
	goFiles(t, func(path, text string) {
		if strings.HasSuffix(path, "_test.go") {
			return
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		require.NoError(t, err)
		for line := range strings.Lines(text) {
			if !strings.HasPrefix(line, "func ") {
				continue
			}
			if m := function.FindStringSubmatch(line); m != nil {
				declared[filepath.ToSlash(dir)+" "+m[1]] = true
			}
		}
	})
	for _, m := range rows {
		require.True(t, declared[m[1]+" "+m[2]], "docs/architecture.md names the function %s of %s, which does not exist", m[2], m[1])
	}
}
