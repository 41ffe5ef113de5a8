package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestTheIntervalIsThatOfTheSignTest(t *testing.T) {
	// The ranks of published tables, which count from 1: 6 and 15 of 20, 6 and 16 of
	// 21, 10 and 21 of 30.
	for n, want := range map[int][2]int{20: {5, 14}, 21: {5, 15}, 30: {9, 20}, 101: {40, 60}} {
		low, high := interval(n)
		require.Equal(t, want, [2]int{low, high}, "%d values", n)
	}
}

func TestARatioIsThatOfTimeOrOfSpeed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where time is exact
		slow, fast := func(n int) { time.Sleep(time.Duration(n) * 2 * time.Millisecond) }, func(n int) { time.Sleep(time.Duration(n) * time.Millisecond) }
		ended := 0
		begin := func() (work, work, func(), error) { return slow, fast, func() { ended++ }, nil }
		r, err := comparison{goal: 2, unit: "time", begin: begin}.measure(20)
		require.NoError(t, err)
		require.Equal(t, []float64{2, 2, 2}, []float64{r.low, r.median, r.high})
		require.True(t, r.met())
		require.Equal(t, 2*time.Millisecond, r.ours)
		r, err = comparison{goal: 2, more: true, unit: "speed", begin: begin}.measure(20)
		require.NoError(t, err)
		require.Equal(t, 0.5, r.median)
		require.False(t, r.met())
		require.Equal(t, 2, ended)
	})
}

func TestBothSidesOfEveryComparisonRun(t *testing.T) {
	for _, c := range comparisons {
		t.Run(c.name, func(t *testing.T) {
			ours, theirs, end, err := c.begin()
			require.NoError(t, err)
			defer end()
			ours(1)
			theirs(1)
		})
	}
}

func TestTheTableGoesBetweenItsMarks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "performance.md")
	require.NoError(t, os.WriteFile(path, []byte("before\n"+begins+"old\n"+ends+"\nafter\n"), 0o600))
	text := rendered([]result{{comparison: comparison{name: "this", against: "that", goal: 2, unit: "time"}, rounds: 21, median: 1.5, low: 1.25, high: 2.5}})
	require.NoError(t, replace(path, text))
	got, err := os.ReadFile(path)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(got), "before\n"+begins+"21 rounds each, go"))
	require.Contains(t, string(got), "| this | that | 1.50 x time | 1.25 to 2.50 | at most 2 | yes |\n"+ends+"\nafter\n")
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	require.ErrorContains(t, replace(path, text), "want the lines")
	require.ErrorContains(t, run(nil, "", 5, ""), "want 20 or more")
	require.ErrorContains(t, run(nil, "nothing like it", 20, ""), "nothing has that in its name")
	require.ErrorContains(t, run(nil, "sql", 20, path), "-write with -run")
}
