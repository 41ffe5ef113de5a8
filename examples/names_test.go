package examples_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// packages are those whose names the documents use, by the name before the dot.
var packages = map[string]string{
	"e6": "../e6", "events": "../e6/events", "fsm": "../e6/fsm", "vector": "../e6/vector", "sqldriver": "../e6/sqldriver", "auth": "../e6/auth",
	"config": "../e6/config", "profile": "../e6/profile", "debug": "../e6/debug", "e6otel": "../e6/otel", "e6test": "../e6/e6test", "e6arrow": "../e6/arrow", "emulator": "../emulator",
	"recorder": "../e6/recorder", "recordertest": "../e6/recorder/recordertest", "store": "../e6/store", "storetest": "../e6/store/storetest", "etcd": "../e6/store/etcd",
}

// exported returns what a package exports: names, and Type.Name for methods and
// fields. Of a type that stands for one of another package only the name is known.
func exported(t *testing.T, dir string) (names []string, aliases []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		if e.IsDir() || !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, e.Name()), nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				names = append(names, receiver(d)+d.Name.Name)
			case *ast.GenDecl:
				for _, s := range d.Specs {
					switch s := s.(type) {
					case *ast.ValueSpec:
						for _, n := range s.Names {
							names = append(names, n.Name)
						}
					case *ast.TypeSpec:
						names = append(names, s.Name.Name)
						if s.Assign.IsValid() {
							aliases = append(aliases, s.Name.Name)
						}
						names = append(names, members(s)...)
					}
				}
			}
		}
	}
	return names, aliases
}

// receiver is the type of a method, with a dot behind it.
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	t := f.Recv.List[0].Type
	if p, ok := t.(*ast.StarExpr); ok {
		t = p.X
	}
	if id, ok := t.(*ast.Ident); ok {
		return id.Name + "."
	}
	return "?."
}

// members are the fields of a struct, and the methods of an interface.
func members(s *ast.TypeSpec) (names []string) {
	var list *ast.FieldList
	switch t := s.Type.(type) {
	case *ast.StructType:
		list = t.Fields
	case *ast.InterfaceType:
		list = t.Methods
	default:
		return nil
	}
	for _, f := range list.List {
		for _, n := range f.Names {
			names = append(names, s.Name.Name+"."+n.Name)
		}
	}
	return names
}

// quotedName is pkg.Name, Type.Name or pkg.Type.Name in backquotes, perhaps with a star
// before and arguments behind.
var quotedName = regexp.MustCompile("`\\*?(\\w+)\\.([A-Z]\\w*)(?:\\.([A-Z]\\w*))?(?:\\([^`]*\\))?`")

func TestDocuments_NamedIdentifiersExist(t *testing.T) {
	known, aliased := map[string][]string{}, map[string][]string{}
	for name, dir := range packages {
		known[name], aliased[name] = exported(t, dir)
	}
	checked := 0
	for path, text := range documents(t) {
		for _, m := range quotedName.FindAllStringSubmatch(text, -1) {
			pkg, name := m[1], m[2]
			if m[3] != "" {
				name += "." + m[3]
			}
			if known[pkg] == nil {
				if !slices.Contains(known["e6"], pkg) {
					continue // a name of another package
				}
				pkg, name = "e6", pkg+"."+name
			}
			typ, _, _ := strings.Cut(name, ".")
			if slices.Contains(aliased[pkg], typ) {
				name = typ
			}
			require.Contains(t, known[pkg], name, "%s names %s", path, m[0])
			checked++
		}
	}
	require.Greater(t, checked, 100)
}
