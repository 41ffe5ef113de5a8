package wire

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
)

// sourceOf is the directory of the source of a module of the pinned version.
func sourceOf(t *testing.T, module string) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	require.NoError(t, err)
	dir := strings.TrimSpace(string(out))
	require.NotEmpty(t, dir, "the source of %s is not on this machine: go mod download", module)
	return dir
}

// clientFiles are the files of gRPC that make errors on the client's side.
var clientFiles = []string{
	"call.go", "clientconn.go", "picker_wrapper.go", "rpc_util.go", "stream.go",
	"internal/transport/client_stream.go", "internal/transport/controlbuf.go", "internal/transport/flowcontrol.go",
	"internal/transport/http2_client.go", "internal/transport/http_util.go", "internal/transport/transport.go",
}

// serverTypes have methods in these files that run on servers, or on no unary call.
var serverTypes = map[string]bool{"serverStream": true, "addrConnStream": true}

// made is a text that gRPC makes.
type made struct {
	code   codes.Code
	format string
	where  string
}

var codeNames = func() map[string]codes.Code {
	names := map[string]codes.Code{}
	for c := codes.OK; c <= codes.Unauthenticated; c++ {
		names[c.String()] = c
	}
	return names
}()

// errorsIn are the texts of statuses and errors that a file makes.
func errorsIn(t *testing.T, dir, name string) (all []made) {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, filepath.Join(dir, name), nil, 0)
	require.NoError(t, err)
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Recv != nil && serverTypes[receiver(f)] {
			continue
		}
		ast.Inspect(decl, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return assigned(n, func(text string) { all = append(all, made{codes.Internal, text, set.Position(n.Pos()).String()}) })
			}
			if !statuses[function(call)] && !(responseFiles[name] && details[function(call)]) {
				return true
			}
			m := made{codes.Unavailable, "", set.Position(call.Pos()).String()}
			for _, arg := range call.Args {
				switch arg := arg.(type) {
				case *ast.SelectorExpr:
					if code, ok := codeNames[arg.Sel.Name]; ok {
						m.code = code
					}
				case *ast.BasicLit:
					if arg.Kind == token.STRING && m.format == "" {
						m.format, err = strconv.Unquote(arg.Value)
						require.NoError(t, err)
					}
				}
			}
			if strings.Contains(m.format, " ") {
				all = append(all, m)
			}
			return true
		})
	}
	return all
}

// statuses make what a call returns, and details what is put into it.
var (
	statuses = map[string]bool{"status.New": true, "status.Newf": true, "status.Error": true, "status.Errorf": true, "connectionErrorf": true}
	details  = map[string]bool{"fmt.Sprintf": true, "fmt.Errorf": true, "errors.New": true}
)

// responseFiles read responses.
var responseFiles = map[string]bool{
	"internal/transport/client_stream.go": true, "internal/transport/flowcontrol.go": true, "internal/transport/http2_client.go": true,
	"http2/errors.go": true,
}

// function is the name of what is called, with its package.
func function(call *ast.CallExpr) string {
	switch f := call.Fun.(type) {
	case *ast.Ident:
		return f.Name
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok {
			return x.Name + "." + f.Sel.Name
		}
	}
	return ""
}

func receiver(f *ast.FuncDecl) string {
	name := f.Recv.List[0].Type
	if star, ok := name.(*ast.StarExpr); ok {
		name = star.X
	}
	if id, ok := name.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

// assigned finds a text that a variable for an error takes.
func assigned(n ast.Node, found func(string)) bool {
	var names []ast.Expr
	var values []ast.Expr
	switch n := n.(type) {
	case *ast.AssignStmt:
		names, values = n.Lhs, n.Rhs
	case *ast.ValueSpec:
		for _, id := range n.Names {
			names = append(names, id)
		}
		values = n.Values
	}
	for i, v := range values {
		lit, ok := v.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING || i >= len(names) {
			continue
		}
		id, ok := names[i].(*ast.Ident)
		if text, _ := strconv.Unquote(lit.Value); ok && strings.Contains(strings.ToLower(id.Name), "err") && strings.Contains(text, " ") {
			found(text)
		}
	}
	return true
}

var verb = regexp.MustCompile(`%[+#]?[a-zA-Z]`)

// sample is a text that is made by a format.
func sample(format string) string {
	return verb.ReplaceAllStringFunc(format, func(v string) string {
		switch v[len(v)-1] {
		case 'd':
			return "7"
		case 'q':
			return `"x"`
		}
		return "x"
	})
}

// elsewhere are texts that no unary call with a stream meets, by how they begin: those
// of making a channel and a stream.
var elsewhere = []string{
	"credentials type ", "failed to validate authority ", "header list size to send violates the maximum size",
	"config selector returned illegal status", "invalid client interceptor type ", "error parsing service config: ",
	"illegal service config type: ", "received picker error with illegal status: ", "no codec registered for content-subtype ",
	"the provided transport is no longer valid to use", "SendMsg called after CloseSend",
	// Parts of other texts: of a plain HTTP reply, which has no metadata, and of GOAWAY.
	"%s\ndata: ", "unexpected HTTP status code ", "code: %s",
}

func TestGRPCTexts_AllAreCovered(t *testing.T) {
	dir := sourceOf(t, "google.golang.org/grpc")
	texts, seen := 0, map[int]bool{}
	for _, name := range clientFiles {
		for _, m := range errorsIn(t, dir, name) {
			if i := slices.IndexFunc(elsewhere, func(begins string) bool { return strings.HasPrefix(m.format, begins) }); i >= 0 {
				seen[i] = true
				continue
			}
			texts++
			message := sample(m.format)
			for _, wrapped := range []string{message, `connection error: desc = "` + message + `"`} {
				began := failure{code: m.code, message: wrapped, sent: true, answered: true}
				class, effect := classify(began)
				if class != ClassTooLarge {
					assert.Equal(t, ClassNoResponse, class, "%s: %q: add it to texts.go", m.where, m.format)
					assert.Equal(t, EffectUnknown, effect, m.where)
				}
				began.answered = false
				if _, effect := classify(began); effect == EffectNone {
					assert.True(t, matchesAny(wrapped, unprocessed) || matchesAny(wrapped, notConnected) || matchesAny(wrapped, unsendable) ||
						matchesAny(wrapped, requestOversized), "%s: %q", m.where, m.format)
				}
			}
		}
	}
	for i, begins := range elsewhere {
		assert.True(t, seen[i], "gRPC does not have the text %q any more", begins)
	}
	require.Greater(t, texts, 40, "the texts are not found any more: look at how gRPC makes its errors now")
}

func TestGRPCTexts_InvalidFramesAreCovered(t *testing.T) {
	dir := sourceOf(t, "golang.org/x/net")
	texts := 0
	for _, m := range errorsIn(t, dir, "http2/errors.go") {
		if strings.Contains(m.format, "error") || m.format == "received from peer" || strings.HasPrefix(m.format, "connection ") {
			continue // of a connection: gRPC puts its own text before it; or of net/http's client
		}
		texts++
		class, effect := classify(failure{code: codes.Internal, message: sample(m.format), sent: true, answered: true})
		require.Equal(t, ClassNoResponse, class, "%s: %q: add it to texts.go", m.where, m.format)
		require.Equal(t, EffectUnknown, effect)
	}
	require.GreaterOrEqual(t, texts, 6)
}

// TestGRPCTexts_UnprocessedAreUsedForNothingElse counts where gRPC uses the errors
// whose texts prove that a stream was not processed.
func TestGRPCTexts_UnprocessedAreUsedForNothingElse(t *testing.T) {
	dir := sourceOf(t, "google.golang.org/grpc")
	uses := map[string]int{}
	texts := map[string]bool{}
	for _, name := range clientFiles {
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, filepath.Join(dir, name), nil, 0)
		require.NoError(t, err)
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.Ident:
				switch n.Name {
				case "errStreamDrain", "statusGoAway", "ErrConnClosing":
					uses[filepath.Base(name)+" "+n.Name]++
				}
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil {
					texts[text] = true
				}
			}
			return true
		})
	}
	require.Equal(t, map[string]int{
		"transport.go errStreamDrain": 1, "transport.go statusGoAway": 1, "transport.go ErrConnClosing": 1,
		"http2_client.go errStreamDrain": 2, // no stream; a stream above GOAWAY's last one
		"http2_client.go statusGoAway":   1, // the same stream
		"controlbuf.go errStreamDrain":   1, // headers that were not written
		"http2_client.go ErrConnClosing": 3, // headers that were not written; no stream
		"controlbuf.go ErrConnClosing":   4, // no stream; headers that were not written; the loop's own end
		"clientconn.go ErrConnClosing":   1, // a connection without calls
	}, uses, "does a call that the server may have processed get one of these texts now?")
	for _, text := range unprocessed {
		require.Contains(t, texts, text.begins)
	}
}
