// Command semconv derives the conventions for database clients from a checkout of
// OpenTelemetry's semantic conventions, for the conformance test of e6/otel: the span of
// a call to an SQL database, the metrics of database clients, and their attributes. The
// file names the version. It holds names, types, units and levels, and no text.
//
//	semconv -version 1.44.0 -o e6/otel/testdata/semconv.json DIRECTORY
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	version := flag.String("version", "", "`version` of the conventions in the directory, such as 1.44.0")
	out := flag.String("o", "", "the `file` to write")
	flag.Parse()
	if err := run(*version, *out, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "semconv:", err)
		os.Exit(1)
	}
}

func run(version, out string, args []string) error {
	if version == "" || out == "" || len(args) != 1 {
		return fmt.Errorf("want -version, -o and one directory, a checkout of the conventions")
	}
	if _, err := os.Stat(filepath.Join(args[0], "schemas", version)); err != nil {
		return fmt.Errorf("%s has no schema of version %s: check out the tag of that version: %w", args[0], version, err)
	}
	r, err := read(args[0])
	if err != nil {
		return err
	}
	conventions, err := r.conventions(version)
	if err != nil {
		return err
	}
	var text strings.Builder
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	e.SetIndent("", "\t")
	if err := e.Encode(conventions); err != nil {
		return err
	}
	return os.WriteFile(out, []byte(text.String()), 0o644)
}
