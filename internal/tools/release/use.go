package main

import (
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
)

// goEnv is the environment of go commands that take the version from the proxy. Other
// modules come from the machine's module cache, then from where they usually come. The
// commands have a module cache of their own: in that of the machine, a version that is
// never tagged, or tagged with other content, would stay forever.
func (r *release) goEnv(ctx context.Context) ([]string, error) {
	cache, err := r.command(ctx, r.repo, nil, "go", "env", "GOMODCACHE")
	if err != nil {
		return nil, err
	}
	usual, err := r.command(ctx, r.repo, nil, "go", "env", "GOPROXY")
	if err != nil {
		return nil, err
	}
	var ours []string
	for _, m := range r.modules {
		ours = append(ours, m.path)
	}
	return []string{
		"GOPROXY=" + strings.Join([]string{fileURL(r.proxy()), fileURL(filepath.Join(cache, "cache", "download")), usual}, ","),
		// No other place has the version yet, and no database its sum. GONOPROXY must be
		// empty, and so must GOPRIVATE, its default: with any value, the go command looks into
		// the module cache before it calls a proxy, takes the root module from there, and does
		// not find the packages of nested modules in it. GOENV=off: the user's file could set
		// them again.
		"GOENV=off", "GONOPROXY=", "GOPRIVATE=", "GONOSUMDB=" + strings.Join(ours, ","),
		"GOMODCACHE=" + filepath.Join(r.temp, "modcache"), "GOBIN=" + filepath.Join(r.temp, "bin"),
		// -trimpath: what is built does not depend on where the module cache is, so that
		// the next run finds it in the build cache.
		"GOFLAGS=-mod=mod -modcacherw -trimpath", "GOWORK=off", "GOTOOLCHAIN=local",
	}, nil
}

// fileURL is the URL of a directory.
func fileURL(dir string) string {
	dir = filepath.ToSlash(dir)
	if !strings.HasPrefix(dir, "/") {
		dir = "/" + dir // C:/...
	}
	return "file://" + dir
}

// use does with each module what programs and people will do with it.
func (r *release) use(ctx context.Context) error {
	env, err := r.goEnv(ctx)
	if err != nil {
		return err
	}
	// The sums of all other modules are in our go.sum files, and were checked with them;
	// to query the database again would need the network.
	env = append(env, "GOSUMDB=off")
	r.log("== use %s", r.version)
	for _, m := range r.modules {
		if err := r.useModule(ctx, env, m); err != nil {
			return fmt.Errorf("%s %s cannot be used: %w", m.path, r.version, err)
		}
	}
	return nil
}

// useModule gets a module into a fresh one, builds a program that imports all of its
// packages, and installs its commands.
func (r *release) useModule(ctx context.Context, env []string, m *module) error {
	dir, err := os.MkdirTemp(r.temp, "program-")
	if err != nil {
		return err
	}
	golang := func(args ...string) (string, error) { return r.command(ctx, dir, env, "go", args...) }
	at := m.path + "@" + r.version
	r.log("go get %s", at)
	if _, err := golang("mod", "init", "example.com/program"); err != nil {
		return err
	}
	if _, err := golang("get", at); err != nil {
		return err
	}
	listed, err := golang("list", "-f", "{{.Name}} {{.ImportPath}} {{.Module.Path}}", m.path+"/...")
	if err != nil {
		return err
	}
	var imports, commands []string
	for line := range strings.Lines(listed) {
		f := strings.Fields(line)
		switch {
		case f[2] != m.path || isInternal(f[1]):
		case f[0] == "main":
			commands = append(commands, f[1])
		default:
			imports = append(imports, f[1])
		}
	}
	if len(imports)+len(commands) == 0 {
		return fmt.Errorf("it has no package that a program can import, and no command")
	}
	if len(imports) > 0 {
		r.log("go build a program that imports its packages (%d)", len(imports))
		if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(program(imports)), 0o644); err != nil {
			return err
		}
		if _, err := golang("build", "-o", "program", "."); err != nil {
			return err
		}
	}
	for _, command := range commands {
		r.log("go install %s@%s", command, r.version)
		if _, err := r.command(ctx, r.temp, env, "go", "install", command+"@"+r.version); err != nil {
			return err
		}
		if err := r.checkCommand(ctx, path.Base(command), command == m.path); err != nil {
			return err
		}
	}
	return nil
}

// isInternal reports whether programs cannot import a package.
func isInternal(importPath string) bool { return strings.Contains(importPath+"/", "/internal/") }

// program imports packages.
func program(imports []string) string {
	var b strings.Builder
	b.WriteString("package main\n\nimport (\n")
	for _, p := range imports {
		fmt.Fprintf(&b, "\t_ %q\n", p)
	}
	b.WriteString(")\n\nfunc main() {}\n")
	return b.String()
}

// checkCommand reports whether an installed command knows its version, and prints it if it
// is one with the command `version`.
func (r *release) checkCommand(ctx context.Context, name string, prints bool) error {
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	file := filepath.Join(r.temp, "bin", name)
	info, err := buildinfo.ReadFile(file)
	if err != nil {
		return err
	}
	if info.Main.Version != r.version {
		return fmt.Errorf("%s was built as version %q", name, info.Main.Version)
	}
	if !prints {
		return nil
	}
	out, err := r.command(ctx, r.temp, nil, file, "version")
	if err != nil {
		return err
	}
	if !strings.Contains(out+" ", " "+r.version+" ") {
		return fmt.Errorf("`%s version` prints %q", name, out)
	}
	r.log("%s", out)
	return nil
}
