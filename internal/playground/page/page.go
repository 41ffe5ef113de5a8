// Package page builds the page of the playground: one HTML file with the styles, the scripts, and
// the compressed WebAssembly program. It loads nothing else, so it also works as a local file.
package page

import (
	"bytes"
	"compress/gzip"
	"context"
	_ "embed"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"text/template"

	"github.com/e6data/e6data-go/internal/playground"
)

var (
	//go:embed assets/page.html
	document string
	//go:embed assets/style.css
	style string
	//go:embed assets/machine.js
	machine string
	//go:embed assets/page.js
	script string

	whole = template.Must(template.New("page").Parse(document))
)

// parts are the fields of page.html.
type parts struct{ Style, GoScript, Machine, Script, Program string }

// Build compiles the program of the repository in the folder root, and returns the page. It runs
// the go command, whose version has to fit the script of GOROOT that starts the program.
func Build(ctx context.Context, root string) ([]byte, error) {
	program, err := compile(ctx, root)
	if err != nil {
		return nil, err
	}
	goScript, err := goScript(ctx, root)
	if err != nil {
		return nil, err
	}
	// The page has the look of the client's debug page.
	look, err := os.ReadFile(filepath.Join(root, "e6", "debug", "assets", "page.css"))
	if err != nil {
		return nil, fmt.Errorf("read the styles of the debug page: %w", err)
	}
	var out bytes.Buffer
	err = whole.Execute(&out, parts{
		Style: string(look) + playground.TimelineCSS + style, GoScript: goScript, Machine: machine, Script: script,
		Program: base64.StdEncoding.EncodeToString(program),
	})
	if err != nil {
		return nil, fmt.Errorf("write the page: %w", err)
	}
	return out.Bytes(), nil
}

// compile returns the program, compressed by gzip. Without the traces of gRPC, which show in
// net/http, it is smaller.
func compile(ctx context.Context, root string) ([]byte, error) {
	dir, err := os.MkdirTemp("", "e6-playground-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "playground.wasm")
	cmd := exec.CommandContext(ctx, "go", "build", "-tags", "grpcnotrace", "-trimpath", "-ldflags=-s -w", "-o", file, "./internal/playground/wasm")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("compile the playground for js/wasm: %w\n%s", err, out)
	}
	binary, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(binary); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// goScript is the script of the Go distribution that runs programs in a browser.
func goScript(ctx context.Context, root string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "env", "GOROOT")
	cmd.Dir = root
	goroot, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go env GOROOT: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(goroot)), "lib", "wasm", "wasm_exec.js"))
	if err != nil {
		return "", fmt.Errorf("read the script that starts Go programs: %w", err)
	}
	return string(text), nil
}
