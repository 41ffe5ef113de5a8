package conformance

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Every program that a test starts has a process group of its own, which the test ends with it. If
// this process ends before, as by the timeout of go test, the guard ends the groups: another
// process of the same binary, which reads the groups that run, and the end of its input when this one is gone.

// guardEnv makes a process of this binary the guard.
const guardEnv = "E6_CONFORMANCE_GUARD"

var guard struct {
	sync.Mutex
	in io.WriteCloser
}

// watch notifies the guard that a group runs or has ended.
func watch(group int, runs bool) error {
	guard.Lock()
	defer guard.Unlock()
	if guard.in == nil {
		in, _, err := startGuard()
		if err != nil {
			return err
		}
		guard.in = in
	}
	_, err := fmt.Fprintln(guard.in, group, runs)
	return err
}

func startGuard() (io.WriteCloser, *exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, nil, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), guardEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, nil, err
	}
	return in, cmd, cmd.Start()
}

// runGuard kills the groups that still run when the input ends.
func runGuard(in io.Reader) {
	running := map[int]bool{}
	for lines := bufio.NewScanner(in); lines.Scan(); {
		group, runs, _ := strings.Cut(lines.Text(), " ")
		if n, err := strconv.Atoi(group); err == nil && n > 1 {
			running[n] = runs == "true"
		}
	}
	for group, runs := range running {
		if runs {
			_ = syscall.Kill(-group, syscall.SIGKILL)
		}
	}
}

// command is a program that runs to its end: until ctx ends, and with every process that
// it has started.
func command(ctx context.Context, path string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// output runs a command and returns what it wrote.
func output(t testing.TB, cmd *exec.Cmd) ([]byte, error) {
	var out strings.Builder
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	require.NoError(t, watch(cmd.Process.Pid, true))
	err := cmd.Wait()
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what it has left behind
	require.NoError(t, watch(cmd.Process.Pid, false))
	return []byte(out.String()), err
}

func TestGuard_EndsTheGroupsOfAProcessThatIsGone(t *testing.T) {
	in, cmd, err := startGuard()
	require.NoError(t, err)
	var groups []*exec.Cmd
	for range 2 {
		group := exec.Command("sleep", "1000")
		group.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		require.NoError(t, group.Start())
		groups = append(groups, group)
		_, err = fmt.Fprintln(in, group.Process.Pid, true)
		require.NoError(t, err)
	}
	_, err = fmt.Fprintln(in, groups[1].Process.Pid, false)
	require.NoError(t, err)
	require.NoError(t, in.Close())
	require.NoError(t, cmd.Wait())
	require.ErrorContains(t, groups[0].Wait(), "killed")
	require.NoError(t, groups[1].Process.Signal(syscall.Signal(0)), "its end was reported")
	require.NoError(t, groups[1].Process.Kill())
	_ = groups[1].Wait()
}

func TestOutput_EndsTheProcessesOfACommandThatHangs(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	file := filepath.Join(t.TempDir(), "pid")
	var pid int
	go func() {
		defer cancel()
		for pid == 0 && ctx.Err() == nil {
			text, _ := os.ReadFile(file)
			pid, _ = strconv.Atoi(strings.TrimSpace(string(text)))
			time.Sleep(time.Millisecond)
		}
	}()
	_, err := output(t, command(ctx, "sh", "-c", "sleep 1000 & echo $! >"+file+"; wait"))
	require.ErrorContains(t, err, "killed")
	eventually(t, "its child has ended", func() bool { return gone(pid) })
}

func TestOutput_EndsWhatACommandLeavesBehind(t *testing.T) {
	out, err := output(t, command(t.Context(), "sh", "-c", "sleep 1000 >/dev/null 2>&1 & echo $!"))
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(out)))
	require.NoError(t, err)
	eventually(t, "the process has ended", func() bool { return gone(pid) })
}

// gone reports whether a process has ended, or is a zombie.
func gone(pid int) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(text), ") Z ")
}
