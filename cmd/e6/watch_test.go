package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestWatch_EndsAfterFor(t *testing.T) {
	_, flags := start(t)
	require.Equal(t, 0, command(t, append([]string{"watch", "--timeout", "200ms", "--refresh", "50ms"}, flags...)...).code)

	p := begin(t, "watch", "--refresh", "50ms", flags[1]+"?strategy=green", "http://127.0.0.1:1/debug/e6/", "--token-file", flags[3])
	p.waitFor("127.0.0.1:1/debug/e6  cannot be reached: ")
	p.waitFor("settle: detecting => blue")
	p.signals <- os.Interrupt
	require.Equal(t, exitInterrupted, p.end())
}

func TestWatch_ReportsASourceThatCannotBeWatched(t *testing.T) {
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

func TestWatch_ShowsAStatementThatFails(t *testing.T) {
	_, flags := start(t)
	for _, format := range []string{"--plain", "--json"} {
		p := begin(t, append([]string{"watch", format, "--refresh", "50ms", "--interval", "100ms", "--sql", "SELECT nosuch"}, flags...)...)
		p.waitFor("the statement fails: .*nosuch")
		p.signals <- os.Interrupt
		require.Equal(t, exitInterrupted, p.end())
	}
}
