package arch

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// goMod is the content of a go.mod file, as the go command reads it.
type goMod struct {
	Require []struct {
		Path     string
		Indirect bool
	}
	Tool []struct{ Path string }
}

// use is a dependency of a module, which is named by its folder.
type use struct{ dependency, module string }

// directUses reads every go.mod file. The module of a tool is a direct dependency
// too, though the file calls it an indirect one.
func directUses(t *testing.T) map[use]bool {
	t.Helper()
	uses := map[use]bool{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." {
			return filepath.SkipDir
		}
		if d.Name() != "go.mod" {
			return nil
		}
		dir, err := filepath.Rel(root, filepath.Dir(path))
		require.NoError(t, err)
		out, err := exec.Command("go", "mod", "edit", "-json", path).Output()
		require.NoError(t, err)
		var file goMod
		require.NoError(t, json.Unmarshal(out, &file))
		for _, r := range file.Require {
			if !strings.HasPrefix(r.Path, module) && (!r.Indirect || givesTool(file, r.Path)) {
				uses[use{r.Path, filepath.ToSlash(dir)}] = true
			}
		}
		return nil
	})
	require.NoError(t, err)
	return uses
}

// givesTool reports whether a tool of the file comes from a module.
func givesTool(file goMod, path string) bool {
	for _, tool := range file.Tool {
		if tool.Path == path || strings.HasPrefix(tool.Path, path+"/") {
			return true
		}
	}
	return false
}

func TestArch_EveryDirectDependencyHasAReason(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "dependencies.md"))
	require.NoError(t, err)
	explained := map[use]bool{}
	name := regexp.MustCompile("`([^`]+)`")
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (.*?) \\| (.+?) \\|$").FindAllStringSubmatch(string(text), -1) {
		for _, in := range name.FindAllStringSubmatch(row[2], -1) {
			explained[use{row[1], in[1]}] = true
		}
	}
	uses := directUses(t)
	require.NotEmpty(t, uses)
	for u := range uses {
		require.True(t, explained[u], "docs/dependencies.md has no reason for %s in module %s", u.dependency, u.module)
	}
	for u := range explained {
		require.True(t, uses[u], "docs/dependencies.md explains %s in module %s, which does not need it", u.dependency, u.module)
	}
}
