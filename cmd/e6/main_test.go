package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/e6data/e6data-go/cmd/e6/internal/stores"
	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/profile"
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
	for _, s := range e6.Settings() {
		if s.Env != "" {
			t.Setenv(s.Env, "")
		}
	}
	for _, name := range []string{e6.EnvPrefix + "HOST", e6.EnvPrefix + "PORT", stores.Env, profile.EnvFile, profile.EnvName} {
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
	require.Eventually(t, func() bool { return len(cluster.OpenQueries()) == 0 }, 10*time.Second, time.Millisecond)
}
