package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"go/types"
	"strings"

	"github.com/e6data/e6data-go/e6/config"
)

// configSource is where Config is declared, from the root of the repository.
const configSource = "e6/config.go"

// configTable describes every field of Config: as the source's comments do, with
// the names that the field has elsewhere.
func configTable(source string) (string, error) {
	file, err := parser.ParseFile(token.NewFileSet(), source, nil, parser.ParseComments)
	if err != nil {
		return "", err
	}
	object := file.Scope.Lookup("Config")
	if object == nil {
		return "", fmt.Errorf("%s declares no Config", source)
	}
	config, ok := object.Decl.(*ast.TypeSpec).Type.(*ast.StructType)
	if !ok {
		return "", fmt.Errorf("%s: Config is no struct", source)
	}
	var b strings.Builder
	b.WriteString("| field | type | DSN | environment | as text | default | meaning |\n|---|---|---|---|---|---|---|\n")
	doc := ""
	for _, field := range config.Fields.List {
		if field.Doc != nil {
			doc = strings.Join(strings.Fields(field.Doc.Text()), " ")
		}
		for _, name := range field.Names {
			dsn, env, want, byDefault := elsewhere(name.Name)
			fmt.Fprintf(&b, "| `%s` | `%s` | %s | %s | %s | %s | %s |\n", name.Name, types.ExprString(field.Type), dsn, env, want, byDefault, doc)
			doc = "see above"
		}
	}
	return b.String(), nil
}

// places are the fields that have a place of their own in a DSN, or are put
// together from several variables.
var places = map[string][2]string{
	"Address": {"`host:port`", "`" + config.EnvPrefix + "HOST`, `" + config.EnvPrefix + "PORT`"},
	"User":    {"`user`", ""}, "Token": {"`token`", ""},
	"Catalog": {"first in the path", ""}, "Schema": {"second in the path", ""},
	"TLS": {"`e6s://`, `tls`", ""},
}

// elsewhere describes how a field is set in a DSN and in the environment, what a right
// value looks like there, and what it is without one.
func elsewhere(field string) (dsn, env, want, byDefault string) {
	dsn, env = places[field][0], places[field][1]
	for _, s := range config.Settings() {
		if s.Field != field {
			continue
		}
		if dsn == "" && s.DSN != "" {
			dsn = "`" + s.DSN + "`"
		}
		if s.Env != "" {
			env = "`" + s.Env + "`"
		}
		if s.EnvAlias != "" {
			env += ", `" + s.EnvAlias + "`"
		}
		want, byDefault = s.Want, s.Default
	}
	return dsn, env, want, byDefault
}
