package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestClustersAreWatchedForAsLongAsItIsAskedFor(t *testing.T) {
	_, flags := start(t)
	got := command(t, append([]string{"watch", "--timeout", "2s", "--refresh", "50ms"}, flags...)...)
	require.Equal(t, 0, got.code, got.errOut)
	require.Contains(t, got.out, "settle: detecting => blue")

	got = command(t, "watch", "--timeout", "2s", "--refresh", "50ms", flags[1]+"?strategy=green", "http://127.0.0.1:1/debug/e6/", "--token-file", flags[3])
	require.Equal(t, 0, got.code, got.errOut)
	require.Contains(t, got.out, "127.0.0.1:1/debug/e6  cannot be reached: ")
	require.Contains(t, got.out, "settle: detecting => blue")
}

func TestWhatCannotBeWatchedIsSaid(t *testing.T) {
	profiles(t)
	for want, args := range map[string][]string{
		`profile is "nope"`: {"watch", "nope"},
		"--interval must":   {"watch", "dev", "--interval", "1ms"},
	} {
		got := command(t, args...)
		require.Equal(t, exitUsage, got.code, got.errOut)
		require.Contains(t, got.errOut, want)
	}
	got := command(t, "__complete", "watch", "")
	require.True(t, strings.HasPrefix(got.out, "dev\nprod\n"), got.out)
}
