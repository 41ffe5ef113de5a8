package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// checkout writes files below a new directory.
func checkout(t *testing.T, files map[string]string) string {
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	}
	return root
}

func TestFigures_CountFilesNamesAndFunctions(t *testing.T) {
	root := checkout(t, map[string]string{
		"e6/a.go":      "package e6\n\nconst A, b = 1, 2\n\ntype T struct{}\n\nfunc (T) Method() {\n}\n",
		"e6/b.go":      "package e6\n\nvar V, W int\n\nfunc F() {" + strings.Repeat("\n", 61) + "}\n",
		"e6/b_test.go": "package e6\n\nfunc Test() {}\n",
		"e6/internal/router/r.go": "package router\n\ntype Router struct{}\n\ntype writer[T any] struct{}\n\n" +
			"func (r *Router) one() {}\n\nfunc (w *writer[T]) two() {}\n\nfunc (w *writer[T]) three() {}\n",
	})
	var printed strings.Builder
	require.NoError(t, run(&printed, root))
	require.Equal(t, `package e6: 2 files, 74 lines
functions below e6/: 5, median 1 lines, 99th percentile 62, longest 62; more than 60 lines: 1
methods of the router's writer: 2, of its Router: 1
exported constants, variables, functions and types:
  e6                   5
`, printed.String())
}

func TestFigures_DirectoryWithoutACheckoutIsAnError(t *testing.T) {
	require.ErrorContains(t, run(&strings.Builder{}, t.TempDir()), "no such file")
	empty := checkout(t, map[string]string{"e6/README": ""})
	require.EqualError(t, run(&strings.Builder{}, empty), empty+" has no package e6: expected the directory of a checkout")
}
