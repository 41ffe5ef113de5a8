package main

import (
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"testing"

	"github.com/stretchr/testify/require"
)

const source = `package p

import "io"

type inner struct{ Shared int }

func (inner) Promoted() {}

type (
	S struct {
		inner
		io.Reader
		A, hidden int
		F         func(io.Writer) error
	}
	G[T any] struct{ V T }
	I interface{ M(int) string }
	Sealed interface {
		M()
		seal()
	}
	D int
	Alias = inner
)

func (D) Text() string   { return "" }
func (*D) Set(s string)  {}
func (d D) unseen()      {}
func Do[T any](t ...T) T { return t[0] }

const (
	One   D = 1
	Pi      = 3.25
	other   = 2
)

var V map[string]*S
`

func TestAPI_EveryExportedNameHasALine(t *testing.T) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "p.go", source, 0)
	require.NoError(t, err)
	p, err := (&types.Config{Importer: importer.ForCompiler(set, "source", nil)}).Check("example.com/p", set, []*ast.File{file}, nil)
	require.NoError(t, err)
	require.Equal(t, []string{
		"const One D = 1",
		"const Pi untyped float = 13/4",
		"func Do[T any](t ...T) T",
		"method (*D) Set(s string)",
		"method (Alias) Promoted()",
		"method (D) Text() string",
		"method (S) Promoted()",
		"method (S) Read(p []byte) (n int, err error)",
		"type Alias = inner",
		"type Alias struct",
		"type Alias struct, Shared int",
		"type D int",
		"type G[T any] struct",
		"type G[T any] struct, V T",
		"type I interface",
		"type I interface, M(int) string",
		"type S struct",
		"type S struct, A int",
		"type S struct, F func(io.Writer) error",
		"type S struct, Shared int",
		"type S struct, embedded io.Reader",
		"type Sealed interface, M()",
		"type Sealed interface, with a method of its package",
		"var V map[string]*S",
	}, describe(p))
}

func TestAPI_RefusesAMissingDirectoryOrModule(t *testing.T) {
	require.Error(t, run("", []string{"."}))
	require.Error(t, run(t.TempDir(), nil))
	require.Error(t, run(t.TempDir(), []string{t.TempDir()}), "no module")
}
