package arch

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	module = "github.com/e6data/e6data-go"
	root   = "../.."
)

// floors is the house from the bottom up. A package may import what stands on
// lower floors, and nothing of its own floor or above.
var floors = [][]string{
	{"internal/refusal", "internal/visible", "proto/e6data/e6x/v1", "e6/fsm", "e6/vector", "e6/internal/address", "e6/internal/backoff", "e6/internal/connstring", "e6/internal/spelling", "e6/internal/ctxerr", "e6/internal/errtext", "e6/internal/filemap", "e6/internal/health", "internal/sqltext", "e6/internal/version", "e6/internal/workers", "e6/auth"},
	{"e6/events", "e6/store", "e6/internal/sqlvalue", "e6/internal/ring"},
	{"e6/hook"},
	{"e6/internal/wire", "e6/internal/router", "e6/e6test", "e6/store/storetest"},
	{"e6/internal/settings", "e6/internal/exec", "e6/recorder"},
	{"e6/internal/hookcall"},
	{"e6", "internal/timeline"},
	{"internal/report"},
	{"e6/otel", "e6/debug", "e6/config", "e6/audit", "e6/recorder/recordertest"},
	{"e6/sqldriver", "e6/profile"},
}

// alone lists the packages of the lowest floor that import nothing of ours.
var alone = []string{"e6/auth", "e6/fsm", "e6/vector", "e6/internal/address", "e6/internal/backoff", "e6/internal/connstring", "e6/internal/spelling", "e6/internal/ctxerr", "e6/internal/errtext", "e6/internal/filemap", "e6/internal/health", "internal/sqltext", "internal/visible", "e6/internal/version", "e6/internal/workers"}

// allowed are the modules that the core may depend on, with what gRPC and the
// OpenTelemetry API bring along.
var allowed = []string{
	module, "google.golang.org/grpc", "google.golang.org/protobuf", "google.golang.org/genproto/googleapis/rpc",
	"github.com/looplab/fsm", "go.opentelemetry.io/otel", "go.opentelemetry.io/otel/trace", "go.opentelemetry.io/otel/metric",
	"github.com/BurntSushi/toml", "golang.org/x/net", "golang.org/x/oauth2", "golang.org/x/sys", "golang.org/x/text", "github.com/cespare/xxhash/v2",
}

// global are what the global providers of the OpenTelemetry API bring along. Only e6/otel
// uses them.
var global = []string{"github.com/go-logr/logr", "github.com/go-logr/stdr", "go.opentelemetry.io/auto/sdk", "go.opentelemetry.io/otel/log"}

type pkg struct {
	ImportPath   string
	Standard     bool
	Imports      []string
	TestImports  []string
	XTestImports []string
	Module       *struct{ Path string }
}

// listed runs go list once for the packages of e6 and all that they need. Those that only
// their tests import are named in the answer, and not listed themselves.
var listed = sync.OnceValues(func() (map[string]pkg, error) {
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Standard,Imports,TestImports,XTestImports,Module", "./e6/...")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOWORK=off")
	out, err := cmd.Output()
	if err != nil {
		return nil, err
	}
	all := map[string]pkg{}
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := d.Decode(&p); err == io.EOF {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all[p.ImportPath] = p
	}
})

func packages(t *testing.T) map[string]pkg {
	t.Helper()
	all, err := listed()
	require.NoError(t, err)
	return all
}

// ours are the packages of e6.
func ours(t *testing.T) (found []pkg) {
	t.Helper()
	for path, p := range packages(t) {
		if path == module+"/e6" || strings.HasPrefix(path, module+"/e6/") {
			found = append(found, p)
		}
	}
	require.NotEmpty(t, found)
	return found
}

func floorOf(path string) int {
	return slices.IndexFunc(floors, func(f []string) bool { return slices.Contains(f, strings.TrimPrefix(path, module+"/")) })
}

func TestArch_ImportsPointDownwardsOnly(t *testing.T) {
	for _, p := range ours(t) {
		here := floorOf(p.ImportPath)
		require.GreaterOrEqual(t, here, 0, "%s stands on no floor: add it to the table", p.ImportPath)
		for _, i := range p.Imports {
			if !strings.HasPrefix(i, module+"/") {
				continue
			}
			below := floorOf(i)
			require.GreaterOrEqual(t, below, 0, "%s imports %s, which stands on no floor", p.ImportPath, i)
			require.Less(t, below, here, "%s imports %s, which does not stand below it", p.ImportPath, i)
			require.NotContains(t, alone, strings.TrimPrefix(p.ImportPath, module+"/"), "%s must stand alone and imports %s", p.ImportPath, i)
		}
	}
}

func TestArch_NoTestBelowTheClientImportsIt(t *testing.T) {
	client := module + "/e6"
	for _, p := range ours(t) {
		if floorOf(p.ImportPath) < floorOf(client) {
			require.NotContains(t, slices.Concat(p.TestImports, p.XTestImports), client, "the tests of %s", p.ImportPath)
		}
	}
}

func TestArch_TheCoresDependencyListIsShort(t *testing.T) {
	const adapter = module + "/e6/otel"
	all := packages(t)
	var check func(seen map[string]bool, modules []string, path string)
	check = func(seen map[string]bool, modules []string, path string) {
		p, ok := all[path]
		if path == "C" || seen[path] || p.Standard {
			return
		}
		seen[path] = true
		require.True(t, ok, "go list does not list %s", path)
		require.NotNil(t, p.Module, path)
		require.Contains(t, modules, p.Module.Path, "%s comes into the core", path)
		for _, i := range p.Imports {
			check(seen, modules, i)
		}
	}
	core := map[string]bool{}
	for _, p := range ours(t) {
		if p.ImportPath != adapter {
			check(core, allowed, p.ImportPath)
		}
	}
	require.False(t, core[adapter], "no package of the core imports %s", adapter)
	check(map[string]bool{}, slices.Concat(allowed, global), adapter)
}

// goFile is a Go file of the repository that was written by hand.
type goFile struct{ path, text string }

// readGoFiles reads them once.
var readGoFiles = sync.OnceValues(func() (all []goFile, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != root && strings.HasPrefix(d.Name(), ".") && d.Name() != ".." {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".go" {
			return nil
		}
		text, err := os.ReadFile(path)
		if err == nil && !isGenerated(path, text) {
			all = append(all, goFile{path, string(text)})
		}
		return err
	})
	return all, err
})

// goFiles visits the repository's own Go files.
func goFiles(t *testing.T, visit func(path, text string)) {
	t.Helper()
	all, err := readGoFiles()
	require.NoError(t, err)
	require.NotEmpty(t, all)
	for _, f := range all {
		visit(f.path, f.text)
	}
}

var generated = regexp.MustCompile(`^// (Code generated .* DO NOT EDIT|Autogenerated by Thrift)`)

// isGenerated reports whether a file has the mark of generated code in its first lines.
func isGenerated(path string, text []byte) bool {
	for s, n := bufio.NewScanner(bytes.NewReader(text)), 0; n < 10 && s.Scan(); n++ {
		if generated.MatchString(s.Text()) {
			return true
		}
	}
	return strings.Contains(path, "proto/thrift/chunk/")
}

func TestArch_FilesAreShort(t *testing.T) {
	const most = 600
	goFiles(t, func(path, text string) {
		require.LessOrEqual(t, strings.Count(text, "\n"), most, "%s is too long to be one idea", path)
	})
}

// A file above the limit is most likely a program that go build left in its folder.
func TestArch_NoFileIsABinary(t *testing.T) {
	const most = 256 << 10
	list, err := exec.Command("git", "-C", root, "ls-files", "-z").Output()
	if err != nil {
		t.Skipf("not a git checkout: %v", err)
	}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(list), "\x00"), "\x00") {
		if info, err := os.Stat(filepath.Join(root, name)); err == nil { // a deleted file is still listed
			require.LessOrEqual(t, info.Size(), int64(most), "%s is too large for a source file: git rm it", name)
		}
	}
}

func TestArch_NoFileNamesTheAuthorsMachine(t *testing.T) {
	folders := []string{"tmp", "work", "home", "root", "mnt", "Users"}
	path := regexp.MustCompile(`(?m)(?:^|[\s"'=(\x60])(/(?:` + strings.Join(folders, "|") + `)/\S*)`)
	goFiles(t, func(file, text string) {
		// To look for the folder first is much faster than the expression.
		if slices.ContainsFunc(folders, func(f string) bool { return strings.Contains(text, "/"+f+"/") }) {
			require.Empty(t, path.FindStringSubmatch(text), "%s names a path of one machine", file)
		}
	})
}

func TestArch_EveryPackageWithTestsUsesGoleak(t *testing.T) {
	tested, checked := map[string]bool{}, map[string]bool{}
	goFiles(t, func(path, text string) {
		dir := filepath.Dir(path)
		if !strings.HasSuffix(path, "_test.go") || !strings.HasPrefix(dir, filepath.Join(root, "e6")) {
			return
		}
		tested[dir] = true
		if strings.Contains(text, "goleak.VerifyTestMain(") {
			checked[dir] = true
		}
	})
	require.NotEmpty(t, tested)
	for dir := range tested {
		require.True(t, checked[dir], "%s has tests, but no TestMain with goleak", dir)
	}
}
