package conformance

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/internal/freeport"
	"github.com/e6data/e6data-go/internal/lockedbuffer"
)

// patience is how long a test waits for what must happen.
const patience = 60 * time.Second

// installed is where make conformance installs Python packages.
var installed = filepath.Join("..", "..", ".conformance", "venv")

// enabled skips a test that make conformance did not ask for.
func enabled(t testing.TB) {
	if os.Getenv("E6_CONFORMANCE") == "" {
		t.Skip("use make conformance or make verdicts")
	}
}

// missing reports whether a program is missing whose cases may be skipped. Envoy comes with
// Python.
func missing(name string, err error) bool {
	if !errors.Is(err, errMissing) {
		return false
	}
	if strings.Contains(name, "Envoy") {
		return !hasPython()
	}
	return os.Getenv("E6_CONFORMANCE") == "some" && os.Getenv("E6_REQUIRE_"+strings.ToUpper(name)) != "1"
}

// hasPython reports whether the machine has Python, without which neither Envoy nor the
// connector can be installed.
func hasPython() bool { return os.Getenv("E6_CONFORMANCE_PYTHON") != "0" }

// find returns the path of a program.
func find(name string) (string, error) {
	for _, dir := range []string{"", "/usr/sbin/", "/usr/local/sbin/", "/usr/bin/"} {
		if path, err := exec.LookPath(dir + name); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s %w", name, errMissing)
}

// envoyProgram returns the path of Envoy: that of the Python package, or one of the system.
func envoyProgram() (string, error) {
	found, _ := filepath.Glob(filepath.Join(installed, "lib", "python3*", "site-packages", "envoy", "_bin", "envoy"))
	if len(found) > 0 {
		return filepath.Abs(found[0])
	}
	return find("envoy")
}

// version runs a program and returns the word of its output that begins with a digit.
func version(path string, args ...string) string {
	out, err := describes(path, args...)
	if err != nil {
		return "unknown"
	}
	for word := range strings.FieldsFuncSeq(out, func(r rune) bool { return strings.ContainsRune(" /\n", r) }) {
		if strings.Count(word, ".") >= 2 && word[0] >= '0' && word[0] <= '9' {
			return word
		}
	}
	return "unknown"
}

// describes runs a program that writes a text and ends at once.
func describes(path string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := command(ctx, path, args...).CombinedOutput()
	return string(out), err
}

// A process is a program that runs for one test.
type process struct {
	cmd  *exec.Cmd
	out  *lockedbuffer.Buffer
	done chan struct{}
}

// run starts a program. It ends with the test at the latest, and every process that it has started
// with it.
func run(t testing.TB, path string, args ...string) *process {
	p := &process{cmd: exec.Command(path, args...), out: &lockedbuffer.Buffer{Limit: 1 << 20}, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p.cmd.WaitDelay = 5 * time.Second // for the output of processes that it left behind
	require.NoError(t, p.cmd.Start())
	require.NoError(t, watch(p.cmd.Process.Pid, true))
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // it states that it was stopped
	}()
	t.Cleanup(func() {
		p.end()
		if err := watch(p.cmd.Process.Pid, false); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("%s wrote:\n%s", filepath.Base(path), tail(p.out.String(), 4000))
		}
	})
	return p
}

// end asks the program to end, and kills what has not ended then of its group.
func (p *process) end() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(5 * time.Second):
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
	<-p.done
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// eventually waits for a condition.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for late := time.Now().Add(patience); !is(); time.Sleep(5 * time.Millisecond) {
		require.True(t, time.Now().Before(late), "waited %v: %s", patience, what)
	}
}

// listens waits until an address takes connections.
func listens(t testing.TB, p *process, addr string) {
	t.Helper()
	eventually(t, "a listener", func() bool {
		select {
		case <-p.done:
			require.FailNow(t, "the program ended", tail(p.out.String(), 4000))
		default:
		}
		c, err := net.Dial("tcp", addr)
		return err == nil && c.Close() == nil
	})
}

// freeAddr is a loopback address without a listener.
func freeAddr(t testing.TB) string {
	addr, err := freeport.Addr()
	require.NoError(t, err)
	return addr
}

// replaceFile writes a file so that a reader sees the old or the new text, never a part.
func replaceFile(t testing.TB, path, text string) {
	require.NoError(t, os.WriteFile(path+".new", []byte(text), 0o644))
	require.NoError(t, os.Rename(path+".new", path))
}

// scratch is a directory that processes of other users may enter.
func scratch(t testing.TB) string {
	dir, err := os.MkdirTemp("", "e6-conformance")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}
