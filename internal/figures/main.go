// Command figures prints the figures of the structure that docs/architecture.md lists: the
// size of package e6, the exported names of each package, the length of functions, and the
// methods of the router's writer.
//
//	go run ./internal/figures [directory of a checkout]
package main

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	root := "."
	if len(os.Args) > 1 {
		root = os.Args[1]
	}
	if err := run(os.Stdout, root); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(1)
	}
}

// figures are the figures of one package.
type figures struct {
	files, lines, exported int
	lengths                []int          // of its functions, in lines
	methods                map[string]int // by receiver
}

// run writes the figures of the checkout at root.
func run(w io.Writer, root string) error {
	packages := map[string]*figures{}
	err := filepath.WalkDir(filepath.Join(root, "e6"), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		name, err := filepath.Rel(root, filepath.Dir(path))
		if err != nil {
			return err
		}
		if packages[name] == nil {
			packages[name] = &figures{methods: map[string]int{}}
		}
		return packages[name].add(path)
	})
	if err != nil {
		return err
	}
	if packages["e6"] == nil {
		return fmt.Errorf("%s has no package e6: expected the directory of a checkout", root)
	}
	report(w, packages)
	return nil
}

// add adds a file.
func (f *figures) add(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, text, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	f.files++
	f.lines += bytes.Count(text, []byte("\n"))
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			f.lengths = append(f.lengths, set.Position(d.End()).Line-set.Position(d.Pos()).Line+1)
			if d.Recv == nil {
				f.export(d.Name)
			} else {
				f.methods[receiver(d.Recv.List[0].Type)]++
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					f.export(spec.Name)
				case *ast.ValueSpec:
					f.export(spec.Names...)
				}
			}
		}
	}
	return nil
}

func (f *figures) export(names ...*ast.Ident) {
	for _, n := range names {
		if n.IsExported() {
			f.exported++
		}
	}
}

// receiver is the name of the type of a receiver.
func receiver(t ast.Expr) string {
	switch t := t.(type) {
	case *ast.StarExpr:
		return receiver(t.X)
	case *ast.IndexExpr:
		return receiver(t.X)
	case *ast.Ident:
		return t.Name
	}
	return ""
}

func report(w io.Writer, packages map[string]*figures) {
	var lengths []int
	var names []string
	for name, f := range packages {
		lengths = append(lengths, f.lengths...)
		if !strings.Contains(name, "internal") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	slices.Sort(lengths)
	e6 := packages["e6"]
	fmt.Fprintf(w, "package e6: %d files, %d lines\n", e6.files, e6.lines)
	fmt.Fprintf(w, "functions below e6/: %d, median %d lines, 99th percentile %d, longest %d; more than 60 lines: %d\n",
		len(lengths), lengths[len(lengths)/2], lengths[len(lengths)*99/100], lengths[len(lengths)-1], longer(lengths, 60))
	if router := packages["e6/internal/router"]; router != nil {
		fmt.Fprintf(w, "methods of the router's writer: %d, of its Router: %d\n", router.methods["writer"], router.methods["Router"])
	}
	fmt.Fprintln(w, "exported constants, variables, functions and types:")
	for _, name := range names {
		fmt.Fprintf(w, "  %-20s %d\n", name, packages[name].exported)
	}
}

// longer counts the functions with more lines.
func longer(lengths []int, than int) (n int) {
	for _, l := range lengths {
		if l > than {
			n++
		}
	}
	return n
}
