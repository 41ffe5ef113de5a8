package deploycheck

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

const github = "../../.github"

// decode reads a file of YAML. A key that is there twice is an error.
func decode(t *testing.T, file string, to any) {
	t.Helper()
	require.NoError(t, yaml.Unmarshal(read(t, file), to), file)
}

func TestGitHub_EveryFileParses(t *testing.T) {
	parsed := 0
	require.NoError(t, filepath.WalkDir(github, func(file string, d fs.DirEntry, err error) error {
		if ext := filepath.Ext(file); err == nil && (ext == ".yml" || ext == ".yaml") {
			var text map[string]any
			decode(t, file, &text)
			require.NotEmpty(t, text, file)
			parsed++
		}
		return err
	}))
	require.GreaterOrEqual(t, parsed, 5)
}

func TestGitHub_DependabotWatchesEveryModule(t *testing.T) {
	var modules []string
	require.NoError(t, fs.WalkDir(os.DirFS("../.."), ".", func(file string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && file != "." && strings.HasPrefix(d.Name(), ".") {
			return fs.SkipDir
		}
		if d != nil && d.Name() == "go.mod" {
			modules = append(modules, path.Join("/", path.Dir(file)))
		}
		return err
	}))
	require.Contains(t, modules, "/")

	var file struct {
		Updates []struct {
			Ecosystem   string `yaml:"package-ecosystem"`
			Directory   string
			Directories []string
		}
	}
	decode(t, filepath.Join(github, "dependabot.yml"), &file)
	watched := map[string][]string{}
	for _, u := range file.Updates {
		watched[u.Ecosystem] = append(watched[u.Ecosystem], u.Directories...)
		if u.Directory != "" {
			watched[u.Ecosystem] = append(watched[u.Ecosystem], u.Directory)
		}
	}
	require.ElementsMatch(t, modules, watched["gomod"], "the modules of the tree")
	require.Equal(t, []string{"/"}, watched["github-actions"])
}

func TestGitHub_TheWorkflowRunsTheCheckWithTheGoOfTheModule(t *testing.T) {
	var flow struct {
		Permissions map[string]string
		Jobs        map[string]struct {
			Steps []struct {
				Uses, Run string
				With      map[string]any
			}
		}
	}
	file := filepath.Join(github, "workflows", "check.yml")
	decode(t, file, &flow)
	require.Equal(t, map[string]string{"contents": "read"}, flow.Permissions)
	require.NotRegexp(t, `\bsecrets\b[.\[]`, string(read(t, file)))
	var runs, uses []string
	version := ""
	for _, step := range flow.Jobs["check"].Steps {
		runs = append(runs, step.Run)
		name, _, pinned := strings.Cut(step.Uses, "@")
		if step.Uses != "" {
			require.True(t, pinned, "%s has no version", step.Uses)
		}
		uses = append(uses, name)
		if name == "actions/setup-go" {
			version, _ = step.With["go-version-file"].(string)
		}
	}
	require.Contains(t, runs, ".ci/run")
	require.Less(t, slices.Index(uses, "actions/setup-go"), slices.Index(runs, ".ci/run"))
	require.Equal(t, "go.mod", version)
	require.FileExists(t, filepath.Join(github, "..", version))
}

// GitHub shows no form that breaks its rules, and reports it only there.
func TestGitHub_TheFormsAreValid(t *testing.T) {
	forms, err := filepath.Glob(filepath.Join(github, "ISSUE_TEMPLATE", "*.yml"))
	require.NoError(t, err)
	ids := map[string][]string{}
	for _, file := range forms {
		if filepath.Base(file) == "config.yml" {
			continue
		}
		var form struct {
			Name, Description string
			Body              []struct {
				Type, ID   string
				Attributes struct {
					Label, Value string
					Options      []string
				}
			}
		}
		decode(t, file, &form)
		require.NotEmpty(t, form.Name, file)
		require.NotEmpty(t, form.Description, file)
		for _, field := range form.Body {
			require.Contains(t, []string{"markdown", "input", "textarea", "dropdown", "checkboxes"}, field.Type, file)
			if field.Type == "markdown" {
				require.NotEmpty(t, field.Attributes.Value, file)
				continue
			}
			require.Regexp(t, regexp.MustCompile(`^[A-Za-z0-9_-]+$`), field.ID, file)
			require.NotEmpty(t, field.Attributes.Label, "%s: %s", file, field.ID)
			require.Equal(t, field.Type == "dropdown", len(field.Attributes.Options) > 0, "%s: %s", file, field.ID)
			require.NotContains(t, ids[file], field.ID, file)
			ids[file] = append(ids[file], field.ID)
		}
	}
	require.Subset(t, ids[filepath.Join(github, "ISSUE_TEMPLATE", "bug.yml")], []string{"version", "ingress", "doctor", "events"})
	require.NotEmpty(t, ids[filepath.Join(github, "ISSUE_TEMPLATE", "feature.yml")])
}
