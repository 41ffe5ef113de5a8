package arch

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// messageAt is the index of the message in the arguments of the functions and methods of
// log/slog that write or make a record.
var messageAt = map[string]int{
	"Debug": 0, "Info": 0, "Warn": 0, "Error": 0,
	"DebugContext": 1, "InfoContext": 1, "WarnContext": 1, "ErrorContext": 1,
	"Log": 2, "LogAttrs": 2, "NewRecord": 2,
}

// durationKey is the name of a key for a duration. It has to end with its unit.
var durationKey = regexp.MustCompile(`^(took|waited|elapsed|delay|remaining|age|timeout|duration)$`)

// logProblems lists the records of a Go file whose message is not constant, or that have
// a duration without its unit in the key. It resolves names by syntax alone: a method of
// these names with a message argument counts as one of a *slog.Logger, and a function only
// if it belongs to log/slog.
func logProblems(t *testing.T, path, text string) (problems []string) {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, text, 0)
	require.NoError(t, err)
	imports := map[string]string{}
	for _, i := range file.Imports {
		imported := strings.Trim(i.Path.Value, `"`)
		name := imported[strings.LastIndex(imported, "/")+1:]
		if i.Name != nil {
			name = i.Name.Name
		}
		imports[name] = imported
	}
	constants := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if d, ok := n.(*ast.GenDecl); ok && d.Tok == token.CONST {
			for _, spec := range d.Specs {
				for _, name := range spec.(*ast.ValueSpec).Names {
					constants[name.Name] = true
				}
			}
		}
		return true
	})
	ast.Inspect(file, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		selector, ok := call.Fun.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if receiver, ok := selector.X.(*ast.Ident); ok {
			if imported, isPackage := imports[receiver.Name]; isPackage && imported != "log/slog" || receiver.Name == "t" || receiver.Name == "tb" {
				return true // http.Error, status.Error, t.Log
			}
		}
		if strings.HasPrefix(selector.Sel.Name, "Duration") && len(call.Args) == 2 || selector.Sel.Name == "Any" && len(call.Args) == 2 {
			if key, ok := call.Args[0].(*ast.BasicLit); ok && durationKey.MatchString(strings.Trim(key.Value, `"`)) {
				problems = append(problems, fmt.Sprintf("%s: the key %s has no unit: end it with _ms", set.Position(call.Pos()), key.Value))
			}
			return true
		}
		at, ok := messageAt[selector.Sel.Name]
		if !ok || len(call.Args) <= at {
			return true // such as err.Error()
		}
		if !isConstant(call.Args[at], constants) {
			problems = append(problems, fmt.Sprintf("%s: the message is not constant: put the data into attributes", set.Position(call.Pos())))
		}
		for i, arg := range call.Args[at+1:] {
			if key, ok := arg.(*ast.BasicLit); ok && i%2 == 0 && durationKey.MatchString(strings.Trim(key.Value, `"`)) {
				problems = append(problems, fmt.Sprintf("%s: the key %s has no unit: end it with _ms", set.Position(call.Pos()), key.Value))
			}
		}
		return true
	})
	return problems
}

// isConstant reports whether a message is a literal, a constant of the file, or the method
// Message of an event, which returns a constant of the registry of e6/events.
func isConstant(message ast.Expr, constants map[string]bool) bool {
	switch m := message.(type) {
	case *ast.BasicLit:
		return m.Kind == token.STRING
	case *ast.Ident:
		return constants[m.Name]
	case *ast.CallExpr:
		selector, ok := m.Fun.(*ast.SelectorExpr)
		return ok && selector.Sel.Name == "Message" && len(m.Args) == 0
	}
	return false
}

func TestLogs_MessagesAreConstantAndDurationsHaveAUnit(t *testing.T) {
	var problems []string
	goFiles(t, func(path, text string) {
		if !strings.HasSuffix(path, "_test.go") {
			problems = append(problems, logProblems(t, path, text)...)
		}
	})
	require.Empty(t, problems)
}

func TestLogs_TheCheckFindsEveryForm(t *testing.T) {
	const head = "package p\nimport (\n\"log/slog\"\n\"net/http\"\n)\nconst fixed = `a`\nfunc f(l *slog.Logger, err error, side string) {\n"
	for call, want := range map[string]int{
		`l.Warn("a message", "error", err)`: 0,
		`l.Warn(fixed)`:                     0,
		`slog.Default().LogAttrs(ctx, e.Level(), e.Message(), attrs...)`: 0,
		`http.Error(w, err.Error(), 500)`:                                0,
		`t.Error(err)`:                                                   0,
		`l.Info("done", "took_ms", 7)`:                                   0,
		`l.Warn("call on " + side)`:                                      1,
		`l.Error(err.Error())`:                                           1,
		`l.Info(side)`:                                                   1,
		`c.cfg.Logger.DebugContext(ctx, fmt.Sprintf("on %s", side))`:     1,
		`slog.InfoContext(ctx, side)`:                                    1,
		`slog.NewRecord(now, level, e.String(), 0)`:                      1,
		`l.LogAttrs(ctx, level, side, slog.Duration("took", d))`:         2,
		`l.Info("done", "side", side, "took", d)`:                        1,
	} {
		got := logProblems(t, "p.go", head+call+"\n}\n")
		require.Len(t, got, want, "%s: %v", call, got)
		require.False(t, slices.ContainsFunc(got, func(p string) bool { return !strings.HasPrefix(p, "p.go:8:") }))
	}
}
