package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A corpus that is kept runs with every test; what only a fuzzer's cache holds is
// lost with the machine.
func TestArch_EveryFuzzTargetHasACorpus(t *testing.T) {
	targets := 0
	goFiles(t, func(path, text string) {
		if !strings.HasSuffix(path, "_test.go") || !strings.Contains(text, "func Fuzz") {
			return
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, text, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok || f.Recv != nil || !strings.HasPrefix(f.Name.Name, "Fuzz") {
				continue
			}
			targets++
			kept, err := os.ReadDir(filepath.Join(filepath.Dir(path), "testdata", "fuzz", f.Name.Name))
			require.NoError(t, err)
			require.NotEmpty(t, kept, "%s of %s", f.Name.Name, path)
		}
	})
	require.Greater(t, targets, 20)
}
