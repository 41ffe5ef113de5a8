package store_test

import (
	"fmt"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFile_AWatcherPollsWhenInotifyIsExhausted(t *testing.T) {
	dir := t.TempDir()
	from, to := openFile(t, dir), openFile(t, dir)
	first := write(t, from, "first")
	require.Equal(t, first, load(t, to))
	withoutDescriptors(t, func() {
		lastSeen := watch(t, to)
		require.Equal(t, first, next(t, lastSeen))
		// If it looked once a second only, these would take longer than that.
		patience := within(t, 30*time.Second)
		for i := range 50 {
			written := write(t, from, fmt.Sprint("version ", i+2))
			for next(t, lastSeen).Version != written.Version {
			}
			require.NoError(t, patience.Err())
		}
	})
}

// withoutDescriptors runs what cannot open any file.
func withoutDescriptors(t *testing.T, run func()) {
	t.Helper()
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	lowest, err := os.Open(os.DevNull)
	require.NoError(t, err)
	lower := syscall.Rlimit{Cur: uint64(lowest.Fd()), Max: limit.Max}
	require.NoError(t, lowest.Close())
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &lower))
	defer func() { require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit)) }()
	_, err = os.Open(os.DevNull)
	require.ErrorIs(t, err, syscall.EMFILE)
	run()
}
