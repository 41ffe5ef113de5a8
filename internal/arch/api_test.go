package arch

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// mostNames is the limit of the exported top-level names of package e6. A new name that only
// drivers, tools or tests need belongs in a package of its own.
const mostNames = 120

func TestAPI_OfE6IsOfAReadableSize(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "e6", "*.go"))
	require.NoError(t, err)
	var names []string
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range parsed.Decls {
			names = append(names, declared(d)...)
		}
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !ast.IsExported(name) })
	require.Contains(t, names, "Open")
	require.Contains(t, names, "ErrClosed")
	require.LessOrEqual(t, len(names), mostNames, "%v", names)
}

// declared are the top-level names of a declaration. Methods are none.
func declared(d ast.Decl) (names []string) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			names = append(names, d.Name.Name)
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			switch s := s.(type) {
			case *ast.TypeSpec:
				names = append(names, s.Name.Name)
			case *ast.ValueSpec:
				for _, name := range s.Names {
					names = append(names, name.Name)
				}
			}
		}
	}
	return names
}

func TestAPI_EveryPublicPackageHasAnExample(t *testing.T) {
	listed, err := filepath.Glob(filepath.Join(root, "api", "*.txt"))
	require.NoError(t, err)
	require.NotEmpty(t, listed)
	var without []string
	for _, file := range listed {
		// api/e6.store.etcd.txt lists the package e6/store/etcd.
		pkg := strings.ReplaceAll(strings.TrimSuffix(filepath.Base(file), ".txt"), ".", "/")
		tests, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(pkg), "*_test.go"))
		require.NoError(t, err)
		if !slices.ContainsFunc(tests, func(test string) bool {
			text, err := os.ReadFile(test)
			require.NoError(t, err)
			return strings.Contains(string(text), "\nfunc Example")
		}) {
			without = append(without, pkg)
		}
	}
	require.Empty(t, without, "public packages without an Example")
}
