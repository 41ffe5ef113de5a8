package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A corpus that is kept runs with every test; what only a fuzzer's cache holds is
// lost with the machine.
func TestArch_EveryFuzzTargetHasACorpus(t *testing.T) {
	root := filepath.Join("..", "..")
	targets := 0
	require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
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
		return nil
	}))
	require.Greater(t, targets, 20)
}
