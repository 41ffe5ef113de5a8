// Command api writes down the exported API of packages: one file for each package,
// one line for each thing that a program can use. The files are committed, so that a
// change of the API shows as a change of lines. A line that goes is a breaking
// change; docs/versions.md describes what follows from that.
//
//	api -o dir module-directory...
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

func main() {
	out := flag.String("o", "", "`directory` of the files")
	flag.Parse()
	if err := run(*out, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "api:", err)
		os.Exit(1)
	}
}

// run writes the files of the public packages of modules, and removes those of
// packages that are gone.
func run(out string, modules []string) error {
	if out == "" || len(modules) == 0 {
		return fmt.Errorf("want -o and the directories of modules")
	}
	written := map[string]bool{}
	for _, dir := range modules {
		pkgs, err := load(dir)
		if err != nil {
			return err
		}
		for _, p := range pkgs {
			name := strings.ReplaceAll(strings.TrimPrefix(p.PkgPath, module+"/"), "/", ".") + ".txt"
			written[name] = true
			text := strings.Join(describe(p.Types), "\n") + "\n"
			if err := os.WriteFile(filepath.Join(out, name), []byte(text), 0o644); err != nil {
				return err
			}
		}
	}
	old, err := filepath.Glob(filepath.Join(out, "*.txt"))
	if err != nil {
		return err
	}
	for _, file := range old {
		if !written[filepath.Base(file)] {
			if err := os.Remove(file); err != nil {
				return err
			}
		}
	}
	return nil
}

const module = "github.com/e6data/e6data-go"

// load returns the packages of a module that programs can import.
func load(dir string) ([]*packages.Package, error) {
	cfg := &packages.Config{
		Mode: packages.NeedName | packages.NeedTypes | packages.NeedImports | packages.NeedDeps | packages.NeedTypesSizes,
		Dir:  dir, Env: append(os.Environ(), "GOWORK=off", "GOOS=linux", "GOARCH=amd64"),
	}
	pkgs, err := packages.Load(cfg, "./...")
	if err != nil {
		return nil, err
	}
	for _, p := range pkgs {
		if len(p.Errors) > 0 {
			return nil, fmt.Errorf("%s: %v", p.PkgPath, p.Errors[0])
		}
	}
	return slices.DeleteFunc(pkgs, func(p *packages.Package) bool {
		parts := strings.Split(p.PkgPath, "/")
		return p.Name == "main" || slices.Contains(parts, "internal") || slices.Contains(parts, "proto")
	}), nil
}
