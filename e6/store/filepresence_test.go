package store_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/internal/stress"
)

// memberVariable makes a client of this program: it holds the directory.
const memberVariable = "E6_TEST_STORE_MEMBER"

// TestMemberProcess is no test: it is the process that others start. When it is asked to, it
// joins and shows itself on blue until it is killed.
func TestMemberProcess(t *testing.T) {
	dir := os.Getenv(memberVariable)
	if dir == "" {
		return
	}
	f, err := store.OpenFile(store.FileOptions{Dir: dir})
	require.NoError(t, err)
	m, err := f.Join("a", store.Client{ID: "child"})
	require.NoError(t, err)
	for n := int64(0); ; n++ {
		m.Show(store.Status{Side: fsm.Blue, State: fsm.StateBlue, InFlight: n % 1000, Seen: 1})
	}
}

// listed waits until the list has the clients of these ids.
func listed(t *testing.T, f *store.File, want ...string) (all []store.Client) {
	t.Helper()
	require.Eventually(t, func() bool {
		var err error
		all, err = f.Clients(t.Context(), "a")
		require.NoError(t, err)
		var got []string
		for _, c := range all {
			got = append(got, c.ID)
		}
		return strings.Join(got, " ") == strings.Join(want, " ")
	}, stress.Patience, time.Millisecond, "%v", want)
	return all
}

// memberFiles lists the files of clients.
func memberFiles(t *testing.T, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.client"))
	require.NoError(t, err)
	return paths
}

func TestFilePresence_AKilledProcessDisappearsAndItsFileIsRemoved(t *testing.T) {
	dir := t.TempDir()
	f := openFile(t, dir)
	for range stress.Count(2, 50) {
		child := exec.Command(os.Args[0], "-test.run=^TestMemberProcess$")
		child.Env = append(os.Environ(), memberVariable+"="+dir)
		child.Stderr = os.Stderr
		require.NoError(t, child.Start())
		require.NotEmpty(t, listed(t, f, "child")[0].Host)
		for range 100 { // while it writes
			require.Equal(t, "child", listed(t, f, "child")[0].ID)
		}
		require.NoError(t, child.Process.Kill())
		_ = child.Wait() // it was killed
		listed(t, f)
		require.Empty(t, memberFiles(t, dir))
	}
}

func TestFilePresence_ARemovedFileIsWrittenAgain(t *testing.T) {
	dir := t.TempDir()
	f := openFile(t, dir)
	m, err := f.Join("a", store.Client{ID: "one"})
	require.NoError(t, err)
	defer m.Leave(t.Context())
	for _, path := range memberFiles(t, dir) {
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.EqualValues(t, 0o600, info.Mode().Perm())
		require.NoError(t, os.Remove(path))
	}
	listed(t, f)
	listed(t, f, "one")
	require.NoError(t, os.RemoveAll(dir))
	m.Show(store.Status{Side: fsm.Green, State: fsm.StateGreen})
	require.Equal(t, fsm.Green, listed(t, f, "one")[0].Side)
}

// A client whose file is damaged lives: it must not be missing in the list, or the gate
// would open.
func TestFilePresence_ADamagedFileIsListedWithoutAStatus(t *testing.T) {
	dir := t.TempDir()
	f := openFile(t, dir)
	m, err := f.Join("a", store.Client{ID: "one"})
	require.NoError(t, err)
	defer m.Leave(t.Context())
	m.Show(store.Status{Side: fsm.Green, State: fsm.StateGreen, Seen: 1})
	path := memberFiles(t, dir)[0]
	require.NoError(t, os.WriteFile(path, []byte("noise"), 0o600))
	require.Equal(t, store.Status{}, listed(t, f, filepath.Base(path))[0].Status())
	m.Show(store.Status{Side: fsm.Green, State: fsm.StateGreen, Seen: 2})
	require.EqualValues(t, 2, listed(t, f, "one")[0].Seen)
}

func TestFilePresence_CloseTakesItsClientsOffTheList(t *testing.T) {
	dir := t.TempDir()
	f, other := openFile(t, dir), openFile(t, dir)
	m, err := f.Join("a", store.Client{ID: "one"})
	require.NoError(t, err)
	listed(t, other, "one")
	require.NoError(t, f.Close())
	listed(t, other)
	require.Empty(t, memberFiles(t, dir))
	require.NoError(t, m.Leave(t.Context()))
	_, err = f.Join("a", store.Client{})
	require.ErrorIs(t, err, os.ErrClosed)
	_, err = f.Clients(t.Context(), "a")
	require.ErrorIs(t, err, os.ErrClosed)
	_, err = other.Join("a", store.Client{Program: strings.Repeat("x", 20_000)})
	require.ErrorContains(t, err, "shorten its id, host and program")
}

// The drain gate with files: it waits for a client that has not reported the record, and
// not for a killed one longer than the grace period.
func TestDrained_WithFiles(t *testing.T) {
	dir := t.TempDir()
	f := openFile(t, dir)
	record, err := f.CompareAndSwap(t.Context(), "a", 0, store.Record{Active: fsm.Green})
	require.NoError(t, err)
	m, err := openFile(t, dir).Join("a", store.Client{ID: "one"})
	require.NoError(t, err)
	m.Show(store.Status{Side: fsm.Blue, State: fsm.StateBlue, Seen: record.Version})
	ctx, cancel := context.WithTimeout(t.Context(), stress.Patience)
	defer cancel()
	var reasons []store.DrainReason
	status, err := store.Drained(ctx, f, "a", fsm.Blue, store.DrainOptions{Grace: -1, OnStatus: func(s store.DrainStatus) {
		for _, missing := range s.Missing {
			reasons = append(reasons, missing.Reason)
			m.Show(store.Status{Side: fsm.Green, State: fsm.StateGreen, Seen: record.Version})
		}
	}})
	require.NoError(t, err)
	require.True(t, status.Drained)
	require.Equal(t, []store.DrainReason{store.DrainActive}, reasons)
}
