package router_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// mirrored is the order in which each function of the router touches what
// pins and the writer share. The model of a pin (pin_model_test.go) makes the
// same accesses in the same order: change both together.
var mirrored = map[string][]string{
	"pin":              {"routing.Load", "routing.Load", "pinTo", "awaitRoute"},
	"pinTo":            {"pins.in", "routing.Load", "moved.Add", "Unpin"},
	"Unpin":            {"pins.out", "routing.Load", "drained<-"},
	"publish":          {"routing.Swap"},
	"fire":             {"publish", "inFlight"},
	"startDraining":    {"commitIfDrained"},
	"commitIfDrained":  {"inFlight", "commit"},
	"onCloseRequested": {"publish", "onDrained"},
	"onDrained":        {"noQueryLeft", "commitIfDrained"},
	"noneLeft":         {"moved.Load", "pins.sum", "pins.sum", "moved.Load"},
}

func TestModel_PinModelMatchesTheCode(t *testing.T) {
	found := map[string][]string{}
	for _, file := range []string{"routing.go", "router.go", "writer.go", "transition.go"} {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && mirrored[f.Name.Name] != nil {
				found[f.Name.Name] = accesses(f.Body)
			}
		}
	}
	require.Equal(t, mirrored, found)
}

// accesses lists what a function does with shared state, and which functions of
// the list it calls, in the order of the source.
func accesses(body ast.Node) (all []string) {
	shared := []string{"routing.Load", "routing.Swap", "pins.in", "pins.out", "pins.sum", "moved.Add", "moved.Load"}
	calls := []string{"pinTo", "Unpin", "awaitRoute", "publish", "commitIfDrained", "commit", "onDrained", "noneLeft", "inFlight", "noQueryLeft"}
	ast.Inspect(body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SendStmt:
			if name := dotted(n.Chan); strings.HasSuffix(name, "drained") {
				all = append(all, "drained<-")
			}
		case *ast.CallExpr:
			name := strings.TrimPrefix(strings.TrimPrefix(dotted(n.Fun), "rt."), "w.")
			if slices.Contains(shared, name) || slices.Contains(calls, name) {
				all = append(all, name)
			}
		}
		return true
	})
	return all
}

// dotted is a selector as the source has it, such as c.pins.sum.
func dotted(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return dotted(e.X) + "." + e.Sel.Name
	}
	return ""
}
