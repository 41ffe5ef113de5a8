package store_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/internal/stress"
)

// childVariable makes a writer of this program: it holds its name and the
// directory.
const childVariable = "E6_TEST_STORE_WRITER"

// signature is what a writer writes: no other version has it.
func signature(name string, version uint64) string { return fmt.Sprintf("%s at %d", name, version) }

// TestWriterProcess is no test: it is the process that others start. When it is
// asked to, it writes until it is killed.
func TestWriterProcess(t *testing.T) {
	name, dir, child := strings.Cut(os.Getenv(childVariable), "@")
	if !child {
		return
	}
	f, err := store.OpenFile(store.FileOptions{Dir: dir})
	require.NoError(t, err)
	_, err = os.Stdin.Read(make([]byte, 1))
	require.NoError(t, err)
	current, err := f.Load(context.Background(), "a")
	for {
		require.NoError(t, err)
		current, err = f.CompareAndSwap(context.Background(), "a", current.Version,
			store.Record{Writer: signature(name, current.Version+1), At: time.Now()})
		if errors.Is(err, store.ErrConflict) {
			err = nil
		}
	}
}

// A writer is a process that writes as fast as it can.
type writer struct {
	t     *testing.T
	name  string
	cmd   *exec.Cmd
	stdin io.WriteCloser
}

func startWriter(t *testing.T, name, dir string) *writer {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestWriterProcess$")
	cmd.Env = append(os.Environ(), childVariable+"="+name+"@"+dir)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	w := &writer{t, name, cmd, stdin}
	t.Cleanup(w.kill)
	return w
}

func (w *writer) release() {
	w.t.Helper()
	_, err := w.stdin.Write([]byte("g"))
	require.NoError(w.t, err)
}

// kill ends the process, as kill -9 does, unless it has ended.
func (w *writer) kill() {
	if w.cmd.ProcessState == nil {
		_ = w.cmd.Process.Kill()
		_ = w.cmd.Wait()
	}
}

func TestFile_KilledWritersLeaveNoDamageAndBlockNoProcess(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	defer func() {
		if t.Failed() {
			t.Logf("seed %d", seed)
		}
	}()
	dir := t.TempDir()
	bystander := openFile(t, dir)
	lastSeen := watch(t, bystander)
	var last store.Record
	// await reads on until what a process has written comes.
	await := func(name string) {
		t.Helper()
		for {
			f := next(t, lastSeen)
			require.Greater(t, f.Version, last.Version)
			require.True(t, strings.HasSuffix(f.Writer, fmt.Sprint(" at ", f.Version)), "version %d is %q", f.Version, f.Writer)
			if last = f; f.Writer == signature(name, f.Version) {
				return
			}
		}
	}
	current := startWriter(t, "writer 0", dir)
	current.release()
	for n := range stress.Count(10, 100) { // writers that die at random moments
		successor := startWriter(t, fmt.Sprint("writer ", n+1), dir)
		await(current.name)
		for target := last.Version + random.Uint64N(200); last.Version < target; {
			await(current.name)
		}
		if n%2 == 0 {
			// Another one is writing: it goes on.
			successor.release()
			await(successor.name)
			current.kill()
			await(successor.name)
		} else {
			// No other process is writing: this one can.
			current.kill()
			current := load(t, bystander)
			require.GreaterOrEqual(t, current.Version, last.Version)
			require.True(t, strings.HasSuffix(current.Writer, fmt.Sprint(" at ", current.Version)), "version %d is %q", current.Version, current.Writer)
			own := write(t, bystander, signature("the bystander", current.Version+1))
			require.Equal(t, current.Version+1, own.Version)
			successor.release()
		}
		current = successor
	}
	current.kill()
	info, err := os.Stat(bystander.Path("a"))
	require.NoError(t, err)
	require.EqualValues(t, store.FileSize, info.Size())
}
