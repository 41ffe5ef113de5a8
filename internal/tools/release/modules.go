package main

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
)

// module is a module of the repository.
type module struct {
	dir  string // from the root, with slashes; "." is the root itself
	path string
	file *modfile.File
}

// tag is the tag by which the go command finds a version of the module.
func (m *module) tag(version string) string { return path.Join(m.dir, version) }

// subdir is the folder as golang.org/x/mod/zip calls it.
func (m *module) subdir() string {
	if m.dir == "." {
		return ""
	}
	return m.dir
}

// unreleased reports whether the module in a folder is for the repository alone. It is
// what docs/versions.md states.
func unreleased(dir string) bool {
	first, _, _ := strings.Cut(dir, "/")
	return slices.Contains([]string{"bench", "examples", "internal"}, first)
}

// releasedModules reads go.work and the go.mod files of the modules that are released.
// A module comes after those that it requires.
func releasedModules(root string) ([]*module, error) {
	name := filepath.Join(root, "go.work")
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the modules of the workspace: %w", err)
	}
	work, err := modfile.ParseWork(name, text, nil)
	if err != nil {
		return nil, err
	}
	siblings := map[string]*module{} // released or not, by path
	var all []*module
	for _, use := range work.Use {
		m, err := readModule(root, path.Clean(filepath.ToSlash(use.Path)))
		if err != nil {
			return nil, err
		}
		siblings[m.path] = m
		if !unreleased(m.dir) {
			all = append(all, m)
		}
	}
	at := slices.IndexFunc(all, func(m *module) bool { return m.dir == "." })
	if at < 0 {
		return nil, fmt.Errorf("%s does not use the root module: add `use .`", name)
	}
	for _, m := range all {
		if err := check(m, all[at].path, siblings); err != nil {
			return nil, err
		}
	}
	return inOrder(all, siblings)
}

func readModule(root, dir string) (*module, error) {
	name := filepath.Join(root, filepath.FromSlash(dir), "go.mod")
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	file, err := modfile.Parse(name, text, nil)
	if err != nil {
		return nil, err
	}
	if file.Module == nil {
		return nil, fmt.Errorf("%s names no module", name)
	}
	return &module{dir: dir, path: file.Module.Mod.Path, file: file}, nil
}

// check reports what would make a tagged module useless: a path that does not lead to its
// folder, a sibling that is not released, and lines for which `go install` refuses it.
func check(m *module, rootPath string, siblings map[string]*module) error {
	if want := path.Join(rootPath, m.dir); m.path != want {
		return fmt.Errorf("%s/go.mod: the module is %s, but its folder means %s: no tag would find it", m.dir, m.path, want)
	}
	for _, r := range m.file.Require {
		if s := siblings[r.Mod.Path]; s != nil && unreleased(s.dir) {
			return fmt.Errorf("%s/go.mod requires %s, which is not released", m.dir, s.path)
		}
	}
	for _, r := range m.file.Replace {
		if siblings[r.Old.Path] == nil {
			return fmt.Errorf("%s/go.mod replaces %s: programs would use the module without the replacement, so it cannot be released with it", m.dir, r.Old.Path)
		}
	}
	if len(m.file.Exclude) > 0 {
		return fmt.Errorf("%s/go.mod excludes %s: `go install` refuses modules with exclude lines", m.dir, m.file.Exclude[0].Mod)
	}
	return nil
}

// inOrder sorts modules so that each comes after those that it requires.
func inOrder(all []*module, siblings map[string]*module) ([]*module, error) {
	var sorted []*module
	state := map[*module]int{} // 1 while its requirements are visited, 2 afterwards
	var visit func(m *module) error
	visit = func(m *module) error {
		switch state[m] {
		case 1:
			return fmt.Errorf("%s requires itself through its siblings: their sums cannot be computed", m.path)
		case 2:
			return nil
		}
		state[m] = 1
		for _, r := range m.file.Require {
			if s := siblings[r.Mod.Path]; s != nil {
				if err := visit(s); err != nil {
					return err
				}
			}
		}
		state[m] = 2
		sorted = append(sorted, m)
		return nil
	}
	for _, m := range all {
		if err := visit(m); err != nil {
			return nil, err
		}
	}
	return sorted, nil
}

// released gives the text of a go.mod file in which siblings have a version instead of a
// folder. The comment of a replace line goes with it.
func (m *module) released(version string, siblings []*module) ([]byte, error) {
	text, err := m.file.Format()
	if err != nil {
		return nil, err
	}
	file, err := modfile.Parse(m.file.Syntax.Name, text, nil)
	if err != nil {
		return nil, err
	}
	for _, r := range slices.Clone(file.Replace) {
		if err := file.DropReplace(r.Old.Path, r.Old.Version); err != nil {
			return nil, err
		}
	}
	for _, s := range siblings {
		if slices.ContainsFunc(file.Require, func(r *modfile.Require) bool { return r.Mod.Path == s.path }) {
			if err := file.AddRequire(s.path, version); err != nil {
				return nil, err
			}
		}
	}
	file.Cleanup()
	return file.Format()
}
