package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	gomodule "golang.org/x/mod/module"
	"golang.org/x/mod/zip"
)

// build makes the release commit in a clone, and a module proxy that has the version of
// every module. A module is packed before those that require it, since their go.sum
// files hold its sum. It returns the commit.
func (r *release) build(ctx context.Context) (string, error) {
	r.log("== build %s", r.version)
	if _, err := r.git(ctx, "clone", "--quiet", "--no-tags", "--shared", r.repo, r.tree); err != nil {
		return "", err
	}
	made, err := r.inTree(ctx, "show", "--no-patch", "--format=%cI", "HEAD")
	if err != nil {
		return "", err
	}
	at, err := time.Parse(time.RFC3339, made)
	if err != nil {
		return "", err
	}
	env, err := r.goEnv(ctx)
	if err != nil {
		return "", err
	}
	for _, m := range r.modules {
		r.log("%s", m.tag(r.version))
		dir := filepath.Join(r.tree, filepath.FromSlash(m.dir))
		text, err := m.released(r.version, r.modules)
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(dir, "go.mod"), text, 0o644); err != nil {
			return "", err
		}
		// With -mod=mod, go list adds the sums of the siblings to go.sum. That is all that
		// can be missing, since `make tidy` is a part of `make check`; go mod tidy would
		// download what every other operating system needs.
		if _, err := r.command(ctx, dir, env, "go", "list", "-deps", "-test", "./..."); err != nil {
			return "", err
		}
		if _, err := r.inTree(ctx, "add", "--all"); err != nil {
			return "", err
		}
		tree, err := r.inTree(ctx, "write-tree")
		if err != nil {
			return "", err
		}
		if err := r.pack(m, tree, at); err != nil {
			return "", err
		}
	}
	if _, err := r.inTree(ctx, "commit", "--quiet", "--allow-empty", "--message", "Release "+r.version); err != nil {
		return "", err
	}
	return r.inTree(ctx, "rev-parse", "HEAD")
}

// inTree runs git in the clone.
func (r *release) inTree(ctx context.Context, args ...string) (string, error) {
	return r.command(ctx, r.tree, r.author, "git", args...)
}

// proxy is the directory of the module proxy.
func (r *release) proxy() string { return filepath.Join(r.temp, "proxy") }

// pack writes a module into the proxy, as the go command makes it from the repository:
// without nested modules, and with the LICENSE of the root if it has none of its own.
func (r *release) pack(m *module, tree string, at time.Time) error {
	escaped, err := gomodule.EscapePath(m.path)
	if err != nil {
		return err
	}
	dir := filepath.Join(r.proxy(), filepath.FromSlash(escaped), "@v")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	base := filepath.Join(dir, r.version)
	file, err := os.Create(base + ".zip")
	if err != nil {
		return err
	}
	defer file.Close()
	named := gomodule.Version{Path: m.path, Version: r.version}
	if err := zip.CreateFromVCS(file, named, r.tree, tree, m.subdir()); err != nil {
		return fmt.Errorf("pack %s: %w", named, err)
	}
	if err := file.Close(); err != nil {
		return err
	}
	if err := checkPacked(named, base+".zip"); err != nil {
		return err
	}
	info, err := json.Marshal(struct {
		Version string
		Time    time.Time
	}{r.version, at.UTC()})
	if err != nil {
		return err
	}
	mod, err := os.ReadFile(filepath.Join(r.tree, filepath.FromSlash(m.dir), "go.mod"))
	if err != nil {
		return err
	}
	for suffix, text := range map[string][]byte{base + ".info": info, base + ".mod": mod, filepath.Join(dir, "list"): []byte(r.version + "\n")} {
		if err := os.WriteFile(suffix, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// checkPacked reports what the zip of a module lacks. pkg.go.dev shows no documentation
// of a module without a licence.
func checkPacked(named gomodule.Version, file string) error {
	files, err := zip.CheckZip(named, file)
	if err != nil {
		return fmt.Errorf("pack %s: %w", named, err)
	}
	if err := files.Err(); err != nil {
		return fmt.Errorf("pack %s: %w", named, err)
	}
	prefix := named.Path + "@" + named.Version + "/"
	for _, name := range files.Valid {
		if name == prefix+"LICENSE" {
			return nil
		}
	}
	return fmt.Errorf("%s has no licence: put LICENSE into the root of the repository", named)
}
