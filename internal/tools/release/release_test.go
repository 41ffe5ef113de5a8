package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// files are a workspace as small as it can be: a package, a command that uses it, and a
// module that is not released.
var files = map[string]string{
	"LICENSE":      "Anyone may use it.\n",
	"CHANGELOG.md": "# Changelog\n\n## [Unreleased]\n\n## [0.1.0] - 2030-01-31\n\n### Added\n\n- Everything.\n",
	"go.work":      "go 1.26.0\n\nuse (\n\t./cmd/tool\n\t.\n\t./internal/checks\n)\n",
	"go.mod":       "module github.com/e6data/sdk\n\ngo 1.26.0\n",
	"sdk/sdk.go":   "// Package sdk greets.\npackage sdk\n\nconst Greeting = \"hello\"\n",
	"cmd/tool/go.mod": "module github.com/e6data/sdk/cmd/tool\n\ngo 1.26.0\n\n// A release strips this line.\nreplace github.com/e6data/sdk => ../../\n\n" +
		"require github.com/e6data/sdk v0.0.0\n",
	"cmd/tool/main.go": `package main

import (
	"fmt"
	"runtime/debug"

	"github.com/e6data/sdk/sdk"
)

func main() {
	info, _ := debug.ReadBuildInfo()
	fmt.Println(sdk.Greeting, info.Main.Version)
}
`,
	"internal/checks/go.mod":    "module github.com/e6data/sdk/internal/checks\n\ngo 1.26.0\n\nreplace github.com/e6data/sdk => ../../\n",
	"internal/checks/checks.go": "package checks\n",
}

// repository commits the files to a new repository, some of them with other texts. An
// empty text leaves the file out.
func repository(t *testing.T, other map[string]string) string {
	t.Helper()
	for name, value := range map[string]string{
		"GOPROXY": "off", "GOFLAGS": "", "GIT_CONFIG_GLOBAL": os.DevNull,
		"GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.com", "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.com",
	} {
		t.Setenv(name, value)
	}
	root := t.TempDir()
	for name, text := range files {
		if changed, ok := other[name]; ok {
			text = changed
		}
		if text != "" {
			write(t, root, name, text)
		}
	}
	git(t, root, "init", "--quiet")
	git(t, root, "add", "--all")
	git(t, root, "commit", "--quiet", "--message", "Everything")
	return root
}

func write(t *testing.T, root, name, text string) {
	t.Helper()
	file := filepath.Join(root, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte(text), 0o644))
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "git %s: %s", strings.Join(args, " "), out)
	return strings.TrimSpace(string(out))
}

func TestRelease_TagsEveryModuleOnOneCommit(t *testing.T) {
	root := repository(t, nil)
	head := git(t, root, "rev-parse", "HEAD")
	var out strings.Builder
	require.NoError(t, run(t.Context(), &out, root, false, []string{"v0.1.0"}), out.String())

	require.Equal(t, "cmd/tool/v0.1.0\nv0.1.0", git(t, root, "tag", "--list"))
	for _, tag := range []string{"v0.1.0", "cmd/tool/v0.1.0"} {
		require.Equal(t, "tag", git(t, root, "cat-file", "-t", tag), "%s is annotated", tag)
		require.Equal(t, head, git(t, root, "rev-parse", tag+"^{commit}^"), "%s names the release commit", tag)
	}
	require.Equal(t, "module github.com/e6data/sdk/cmd/tool\n\ngo 1.26.0\n\nrequire github.com/e6data/sdk v0.1.0", git(t, root, "show", "v0.1.0:cmd/tool/go.mod"))
	require.Regexp(t, `(?m)^github.com/e6data/sdk v0.1.0 h1:.+\ngithub.com/e6data/sdk v0.1.0/go.mod h1:.+$`, git(t, root, "show", "v0.1.0:cmd/tool/go.sum"))
	require.Contains(t, git(t, root, "show", "v0.1.0:internal/checks/go.mod"), "replace", "this module is not released")
	require.Equal(t, head, git(t, root, "rev-parse", "HEAD"), "the branch stays")
	require.Empty(t, git(t, root, "status", "--porcelain"))
	require.Contains(t, out.String(), "hello v0.1.0", "the command is installed and prints its version")
	require.Contains(t, out.String(), "git push origin v0.1.0 cmd/tool/v0.1.0")

	err := run(t.Context(), &out, root, false, []string{"v0.1.0"})
	require.ErrorContains(t, err, "the tag v0.1.0 exists")
}

// The sums in go.sum come from the packed modules. If the go command made others of the
// tags, no program could use the nested modules.
func TestRelease_TheGoCommandMakesTheSameModulesOfTheTags(t *testing.T) {
	root := repository(t, nil)
	var out strings.Builder
	require.NoError(t, run(t.Context(), &out, root, false, []string{"v0.1.0"}), out.String())

	config := filepath.Join(t.TempDir(), "gitconfig")
	require.NoError(t, os.WriteFile(config, []byte("[url \"file://"+filepath.ToSlash(root)+"\"]\n\tinsteadOf = https://github.com/e6data/sdk\n"), 0o644))
	tree := filepath.Join(t.TempDir(), "tree")
	git(t, root, "clone", "--quiet", "--branch", "v0.1.0", root, tree)
	bin := t.TempDir()
	for _, c := range []struct{ dir, flags, command string }{
		{filepath.Join(tree, "cmd", "tool"), "-mod=readonly", "go build ./..."}, // with the sums of go.sum
		{bin, "", "go install github.com/e6data/sdk/cmd/tool@v0.1.0"},
	} {
		args := strings.Fields(c.command)
		cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
		cmd.Dir = c.dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+config, "GOENV=off", "GOPROXY=direct", "GOSUMDB=off", "GOWORK=off", "GOTOOLCHAIN=local",
			"GOMODCACHE="+filepath.Join(bin, "modcache"), "GOBIN="+bin, "GOFLAGS=-modcacherw -trimpath "+c.flags)
		printed, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s: %s", c.command, printed)
	}
	printed, err := exec.CommandContext(t.Context(), filepath.Join(bin, "tool")).Output()
	require.NoError(t, err)
	require.Equal(t, "hello v0.1.0\n", string(printed))
}

func TestRelease_DryRunCreatesNoTag(t *testing.T) {
	root := repository(t, nil)
	before := git(t, root, "count-objects")
	var out strings.Builder
	require.NoError(t, run(t.Context(), &out, root, true, []string{"v0.1.0"}), out.String())
	require.Contains(t, out.String(), "hello v0.1.0")
	require.Empty(t, git(t, root, "tag", "--list"))
	require.Equal(t, before, git(t, root, "count-objects"), "the repository is as it was")
}

func TestRelease_Refuses(t *testing.T) {
	const version = "v0.1.0"
	for name, c := range map[string]struct {
		args  []string
		other map[string]string // in the commit
		after func(t *testing.T, root string)
		want  string
	}{
		"no version":                {args: []string{""}, want: "want one version"},
		"a version without v":       {args: []string{"0.1.0"}, want: `"0.1.0" is no version of a Go module`},
		"a short version":           {args: []string{"v0.1"}, want: `"v0.1" is no version of a Go module`},
		"a version with build":      {args: []string{"v0.1.0+x"}, want: `"v0.1.0+x" is no version of a Go module`},
		"a version of another path": {args: []string{"v2.0.0"}, want: "module github.com/e6data/sdk"},
		"an edited file": {want: "the tree is not clean", after: func(t *testing.T, root string) {
			write(t, root, "sdk/sdk.go", "package sdk\n")
		}},
		"a file that is not committed": {want: "the tree is not clean", after: func(t *testing.T, root string) {
			write(t, root, "sdk/more.go", "package sdk\n")
		}},
		"a tag that exists": {want: "the tag v0.1.0 exists", after: func(t *testing.T, root string) {
			git(t, root, "tag", version)
		}},
		"a tag of a nested module that exists": {want: "the tag cmd/tool/v0.1.0 exists", after: func(t *testing.T, root string) {
			git(t, root, "tag", "cmd/tool/"+version)
		}},
		"no section in the changelog": {args: []string{"v0.2.0"}, want: `CHANGELOG.md has no section "## [0.2.0] - YYYY-MM-DD"`},
		"a section without a date":    {other: map[string]string{"CHANGELOG.md": "## [0.1.0]\n\n- All.\n"}, want: "CHANGELOG.md has no section"},
		"an empty section": {
			other: map[string]string{"CHANGELOG.md": "## [0.1.0] - 2030-01-31\n\n### Added\n\n## [0.0.1] - 2030-01-01\n\n- All.\n"},
			want:  "CHANGELOG.md has no section for v0.1.0",
		},
		"a version that only looks like another": {args: []string{"v0.1.1"}, want: "CHANGELOG.md has no section"},
		"no licence":                             {other: map[string]string{"LICENSE": ""}, want: "github.com/e6data/sdk@v0.1.0 has no licence"},
		"a replaced third-party module": {
			other: map[string]string{"cmd/tool/go.mod": files["cmd/tool/go.mod"] + "\nreplace example.com/other => example.com/fork v1.0.0\n"},
			want:  "cmd/tool/go.mod replaces example.com/other",
		},
		"an excluded version": {
			other: map[string]string{"go.mod": files["go.mod"] + "\nexclude example.com/other v1.0.0\n"},
			want:  "go.mod excludes example.com/other@v1.0.0",
		},
		"a module that is not released": {
			other: map[string]string{"cmd/tool/go.mod": files["cmd/tool/go.mod"] + "\nrequire github.com/e6data/sdk/internal/checks v0.0.0\n"},
			want:  "requires github.com/e6data/sdk/internal/checks, which is not released",
		},
		"a path that no tag finds": {
			other: map[string]string{"cmd/tool/go.mod": strings.Replace(files["cmd/tool/go.mod"], "cmd/tool", "tool", 1)},
			want:  "the module is github.com/e6data/sdk/tool, but its folder means github.com/e6data/sdk/cmd/tool",
		},
		"a package that does not compile": {
			other: map[string]string{"sdk/sdk.go": "package sdk\n\nconst Greeting int = \"hello\"\n"},
			want:  "github.com/e6data/sdk v0.1.0 cannot be used: go build",
		},
		"a command that does not know its version": {
			other: map[string]string{"cmd/tool/main.go": "package main\n\nimport (\n\t\"fmt\"\n\n\t\"github.com/e6data/sdk/sdk\"\n)\n\nfunc main() { fmt.Println(sdk.Greeting) }\n"},
			want:  "`tool version` prints \"hello\"",
		},
	} {
		t.Run(name, func(t *testing.T) {
			root := repository(t, c.other)
			if c.after != nil {
				c.after(t, root)
			}
			if c.args == nil {
				c.args = []string{version}
			}
			tags := git(t, root, "tag", "--list")
			var out strings.Builder
			require.ErrorContains(t, run(t.Context(), &out, root, false, c.args), c.want)
			require.Equal(t, tags, git(t, root, "tag", "--list"))
		})
	}
}

// A copy of the files that are there, committed or not, goes all the way to its tags.
// `make dryrun` sets the variable: it unpacks every dependency and builds all modules.
func TestRelease_OfThisRepositoryIsReady(t *testing.T) {
	if os.Getenv("E6_RELEASE") == "" {
		t.Skip("make dryrun runs it")
	}
	source := git(t, ".", "rev-parse", "--show-toplevel")
	root := t.TempDir()
	for name := range strings.SplitSeq(git(t, source, "ls-files", "-z", "--cached", "--others", "--exclude-standard"), "\x00") {
		text, err := os.ReadFile(filepath.Join(source, name))
		if name == "" || os.IsNotExist(err) {
			continue
		}
		require.NoError(t, err)
		write(t, root, name, string(text))
	}
	changelog, err := os.ReadFile(filepath.Join(root, "CHANGELOG.md"))
	require.NoError(t, err)
	const version = "v0.0.1-dryrun"
	write(t, root, "CHANGELOG.md", strings.Replace(string(changelog), "\n## [", "\n## [0.0.1-dryrun] - 2030-01-31\n\n- A dry run.\n\n## [", 1))
	for _, name := range []string{"AUTHOR", "COMMITTER"} {
		t.Setenv("GIT_"+name+"_NAME", "Dry run")
		t.Setenv("GIT_"+name+"_EMAIL", "dryrun@example.com")
	}
	git(t, root, "init", "--quiet")
	git(t, root, "add", "--all")
	git(t, root, "commit", "--quiet", "--message", "Everything")

	require.NoError(t, run(t.Context(), t.Output(), root, false, []string{version}))
	require.Equal(t, []string{
		"cmd/e6/" + version, "e6/arrow/" + version, "e6/store/etcd/" + version, "emulator/" + version, version,
	}, strings.Fields(git(t, root, "tag", "--list")))
	var changed []string
	for _, m := range []string{"cmd/e6", "e6/arrow", "e6/store/etcd", "emulator"} {
		changed = append(changed, m+"/go.mod", m+"/go.sum")
		text := git(t, root, "show", version+":"+m+"/go.mod")
		require.NotContains(t, text, "replace")
		require.NotContains(t, text, "v0.0.0\n")
	}
	require.Equal(t, changed, strings.Fields(git(t, root, "diff", "--name-only", "HEAD", version)), "the release changes nothing else")
	require.NotRegexp(t, `(?m)^-[^-]`, git(t, root, "diff", "HEAD", version, "--", "*/go.sum"), "sums are added, and none goes")
}
