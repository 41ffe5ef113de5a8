package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheStoryEndsWell(t *testing.T) {
	var stdout, stderr bytes.Buffer
	status := run(t.Context(), []string{"-duration", "2s"}, &stdout, &stderr)
	t.Log(stdout.String())
	require.Zero(t, status, stderr.String())
	lines := strings.Split(strings.TrimSuffix(stdout.String(), "\n"), "\n")
	require.Regexp(t, `^queries=[1-9]\d+ failed=0 cutovers=3 wrong=0$`, lines[len(lines)-1])
	require.Contains(t, stdout.String(), "blue -> transitioning blue->green (preparing)")
	require.NotContains(t, stdout.String(), "\x1b", "a line of progress is for terminals only")
	require.Empty(t, stderr.String())
}

func TestWrongFlagsAreExplained(t *testing.T) {
	for name, args := range map[string][]string{
		"an unknown flag":        {"-speed", "9"},
		"no duration":            {"-duration", "soon"},
		"too short a duration":   {"-duration", "10ms"},
		"an unexpected argument": {"now"},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			require.Equal(t, 2, run(t.Context(), args, &stdout, &stderr))
			require.Contains(t, stderr.String(), "-duration")
			require.Empty(t, stdout.String())
		})
	}
}
