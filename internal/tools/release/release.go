package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// release is a version on its way to its tags.
type release struct {
	repo    string // root of the repository
	version string
	modules []*module // in the order of their requirements, the root first
	author  []string  // environment of git that names who releases
	out     io.Writer

	temp string // all below is removed at the end
	tree string // clone of the repository
}

// newRelease checks everything that can be checked without a build. The error names
// the first thing that prevents the release.
func newRelease(ctx context.Context, dir, version string, out io.Writer) (*release, error) {
	r := &release{version: version, out: out}
	root, err := r.command(ctx, dir, nil, "git", "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, err
	}
	r.repo = root
	if r.modules, err = releasedModules(root); err != nil {
		return nil, err
	}
	if err := checkVersion(version, r.modules); err != nil {
		return nil, err
	}
	for _, m := range r.modules {
		tag := m.tag(version)
		if found, err := r.git(ctx, "tag", "--list", tag); err != nil {
			return nil, err
		} else if found != "" {
			return nil, fmt.Errorf("the tag %s exists: a version is released once, take the next one", tag)
		}
	}
	changed, err := r.git(ctx, "status", "--porcelain")
	if err != nil {
		return nil, err
	}
	if changed != "" {
		return nil, fmt.Errorf("the tree is not clean, commit or remove these files first:\n%s", changed)
	}
	changelog, err := os.ReadFile(filepath.Join(root, "CHANGELOG.md"))
	if err != nil {
		return nil, fmt.Errorf("read the changelog: %w", err)
	}
	if err := checkChangelog(string(changelog), version); err != nil {
		return nil, err
	}
	identity, err := r.git(ctx, "var", "GIT_COMMITTER_IDENT")
	if err != nil {
		return nil, err
	}
	if r.author, err = authorOf(identity); err != nil {
		return nil, err
	}
	if r.temp, err = os.MkdirTemp("", "e6-release-"); err != nil {
		return nil, err
	}
	r.tree = filepath.Join(r.temp, "tree")
	return r, nil
}

// close removes the copy, the proxy and what was built.
func (r *release) close() { _ = os.RemoveAll(r.temp) }

func (r *release) log(format string, args ...any) { fmt.Fprintf(r.out, format+"\n", args...) }

// authorOf reads "Name <address> time zone".
func authorOf(identity string) ([]string, error) {
	name, rest, ok := strings.Cut(identity, " <")
	address, _, closed := strings.Cut(rest, ">")
	if !ok || !closed {
		return nil, fmt.Errorf("git names the committer %q: set user.name and user.email", identity)
	}
	return []string{"GIT_AUTHOR_NAME=" + name, "GIT_COMMITTER_NAME=" + name, "GIT_AUTHOR_EMAIL=" + address, "GIT_COMMITTER_EMAIL=" + address}, nil
}

// tag creates all tags on the release commit, or none.
func (r *release) tag(ctx context.Context, commit string) error {
	if _, err := r.git(ctx, "fetch", "--quiet", "--no-tags", r.tree, "HEAD"); err != nil {
		return fmt.Errorf("fetch the release commit: %w", err)
	}
	var created []string
	for _, m := range r.modules {
		tag := m.tag(r.version)
		if _, err := r.git(ctx, "tag", "--annotate", "--message", m.path+" "+r.version, tag, commit); err != nil {
			if len(created) > 0 {
				// The signal that ended the one command shall not end this one.
				_, undo := r.git(context.WithoutCancel(ctx), append([]string{"tag", "--delete"}, created...)...)
				err = errors.Join(err, undo)
			}
			return fmt.Errorf("create the tag %s: %w", tag, err)
		}
		created = append(created, tag)
	}
	r.log("created on commit %s; publish them with\n\n    git push origin %s\n", commit[:12], strings.Join(created, " "))
	return nil
}

// git runs git in the repository.
func (r *release) git(ctx context.Context, args ...string) (string, error) {
	return r.command(ctx, r.repo, nil, "git", args...)
}

// command runs a program, and returns its standard output without the space around it.
func (r *release) command(ctx context.Context, dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s in %s: %w\n%s", name, strings.Join(args, " "), dir, err, strings.TrimSpace(stderr.String()))
	}
	return strings.TrimSpace(string(out)), nil
}
