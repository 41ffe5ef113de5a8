// Command build writes the page of the playground to a file. Run it in the folder of the repository:
//
//	go run ./internal/playground/build -o playground.html
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"

	"github.com/e6data/e6data-go/internal/playground/page"
)

func main() {
	out := flag.String("o", "playground.html", "the `file` to write")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := write(ctx, *out); err != nil {
		fmt.Fprintln(os.Stderr, "playground:", err)
		os.Exit(1)
	}
}

func write(ctx context.Context, file string) error {
	html, err := page.Build(ctx, ".")
	if err != nil {
		return err
	}
	if file, err = filepath.Abs(file); err != nil {
		return err
	}
	if err := os.WriteFile(file, html, 0o644); err != nil {
		return err
	}
	fmt.Printf("file://%s (%.1f MB): open it in a browser\n", filepath.ToSlash(file), float64(len(html))/1e6)
	return nil
}
