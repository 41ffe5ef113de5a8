package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestFacade_NothingHoldsAClient checks that no type of package e6 has a field of type
// *Client: what a client is made of gets the few dependencies that it needs. Packages below
// e6 cannot import it.
func TestFacade_NothingHoldsAClient(t *testing.T) {
	files, fields := 0, 0
	goFiles(t, func(path, text string) {
		if filepath.Dir(path) != filepath.Join(root, "e6") || strings.HasSuffix(path, "_test.go") {
			return
		}
		files++
		f, err := parser.ParseFile(token.NewFileSet(), path, text, parser.SkipObjectResolution)
		require.NoError(t, err)
		ast.Inspect(f, func(n ast.Node) bool {
			s, ok := n.(*ast.StructType)
			if !ok {
				return true
			}
			for _, field := range s.Fields.List {
				fields++
				p, ok := field.Type.(*ast.StarExpr)
				if !ok {
					continue
				}
				name, ok := p.X.(*ast.Ident)
				require.False(t, ok && name.Name == "Client", "%s: the field %v is a *Client", path, field.Names)
			}
			return true
		})
	})
	require.Greater(t, files, 20)
	require.Greater(t, fields, 100)
}
