package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/e6data/e6data-go/cmd/e6/internal/stores"
	"github.com/e6data/e6data-go/e6/config"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/profile"
	"github.com/e6data/e6data-go/internal/stress"
)

// asCommand makes the test's own binary be the command, for tests in a terminal.
const asCommand = "E6_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// clean takes the caller's own configuration away, and the colours and pagers.
func clean(t *testing.T) {
	t.Helper()
	for _, s := range config.Settings() {
		if s.Env != "" {
			t.Setenv(s.Env, "")
		}
	}
	for _, name := range []string{config.EnvPrefix + "HOST", config.EnvPrefix + "PORT", stores.Env, profile.EnvFile, profile.EnvName} {
		t.Setenv(name, "")
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_CONFIG_HOME", filepath.Join(home, ".config"))
	t.Setenv("XDG_STATE_HOME", filepath.Join(home, ".state"))
}

// start returns a cluster, and the flags with which the command reaches it.
func start(t *testing.T, opts ...e6test.Option) (*e6test.Cluster, []string) {
	t.Helper()
	clean(t)
	cluster, err := e6test.Start(opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, cluster.Close()) })
	return cluster, []string{"--dsn", "e6://me@" + cluster.Addr() + "/demo/sales", "--token-file", secret(t)}
}

// secret is a file with a token that must not show anywhere.
func secret(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(path, []byte("planted\n"), 0o600))
	return path
}

// result is what a command has printed, and its exit code.
type result struct {
	out, errOut string
	code        int
}

// command runs a command line whose standard input is empty.
func command(t *testing.T, args ...string) result {
	t.Helper()
	return commandWith(t, strings.NewReader(""), args...)
}

func commandWith(t *testing.T, in io.Reader, args ...string) result {
	t.Helper()
	var out, errOut bytes.Buffer
	code := run(args, make(chan os.Signal), in, &out, &errOut)
	require.NotContains(t, out.String()+errOut.String(), "planted", "a token shows")
	return result{out.String(), errOut.String(), code}
}

// process is a command that runs while a test does something else.
type process struct {
	t           *testing.T
	signals     chan os.Signal
	out, errOut buffer
	code        chan int
}

// begin runs a command line whose standard input is empty.
func begin(t *testing.T, args ...string) *process {
	t.Helper()
	p := &process{t: t, signals: make(chan os.Signal, 1), code: make(chan int, 1)}
	go func() { p.code <- run(args, p.signals, strings.NewReader(""), &p.out, &p.errOut) }()
	return p
}

// waitFor waits until the output matches a regular expression.
func (p *process) waitFor(pattern string) {
	p.t.Helper()
	matches := func() bool { return regexp.MustCompile(pattern).MatchString(p.out.String()) }
	if !assert.Eventually(p.t, matches, stress.Patience, 5*time.Millisecond) {
		require.FailNow(p.t, "the command prints something else", "want %s in:\n%s\n%s", pattern, p.out.String(), p.errOut.String())
	}
}

// end waits for the end of the command, and returns its exit code.
func (p *process) end() int {
	p.t.Helper()
	code := <-p.code
	require.NotContains(p.t, p.out.String()+p.errOut.String(), "planted", "a token shows")
	return code
}

// buffer is a text that one goroutine writes while another one reads it.
type buffer struct {
	mu   sync.Mutex
	text strings.Builder
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// requireGolden compares a text with a file of testdata.
func requireGolden(t *testing.T, name, got string) {
	t.Helper()
	want, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// requireIdle requires that the server holds no query any more.
func requireIdle(t *testing.T, cluster *e6test.Cluster) {
	t.Helper()
	require.Eventually(t, func() bool { return len(cluster.OpenQueries()) == 0 }, stress.Patience, time.Millisecond)
}
