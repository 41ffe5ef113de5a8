// Command release creates the tags of a version, after it has shown in a copy of
// the repository that programs can use what the tags will name.
//
//	release [-dry-run] [-C directory] v1.2.3
//
// It works on a clone of the commit that is checked out. In each released module it
// replaces the `replace` lines of siblings by requirements of the version, packs the
// modules into a module proxy of files, and uses them as programs do: `go get`, a
// program that imports every package, `go install`. Only then it fetches the release
// commit into the repository and tags it. The branch does not move, and nothing is
// pushed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// A hook of git that runs make sets these for its own repository.
	for _, name := range []string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX"} {
		_ = os.Unsetenv(name)
	}
	dir := flag.String("C", ".", "`directory` of the repository")
	dryRun := flag.Bool("dry-run", false, "do everything but create the tags")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, *dir, *dryRun, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, dir string, dryRun bool, args []string) error {
	if len(args) != 1 || args[0] == "" {
		return errors.New("want one version: make release VERSION=v1.2.3")
	}
	r, err := newRelease(ctx, dir, args[0], out)
	if err != nil {
		return err
	}
	defer r.close()
	commit, err := r.build(ctx)
	if err != nil {
		return err
	}
	if err := r.use(ctx); err != nil {
		return err
	}
	if dryRun {
		r.log("dry run: %s is ready, and no tag is created", r.version)
		return nil
	}
	return r.tag(ctx, commit)
}
