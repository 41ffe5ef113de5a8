package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/e6data/e6data-go/internal/bubbles"
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
	bubbles.Test(t, func(t *testing.T) { // where time is exact
		slow, fast := repeated(func() { time.Sleep(2 * time.Millisecond) }), repeated(func() { time.Sleep(time.Millisecond) })
		ended := 0
		of := func(unit string) func(size) (trial, func(), error) {
			return func(size) (trial, func(), error) { return alternate(slow, fast, unit), func() { ended++ }, nil }
		}
		r, err := comparison{goal: 2, unit: ofTime, begin: of(ofTime)}.measure(20)
		require.NoError(t, err)
		require.Equal(t, []float64{2, 2, 2}, []float64{r.low, r.median, r.high})
		require.True(t, r.met())
		r, err = comparison{goal: 2, more: true, unit: ofSpeed, begin: of(ofSpeed)}.measure(20)
		require.NoError(t, err)
		require.Equal(t, 0.5, r.median)
		require.False(t, r.met())
		require.Equal(t, 2, ended)
	})
}

func TestMeasure_EndsOnAFailure(t *testing.T) {
	ended := false
	broken := errors.New("broken")
	begin := func(size) (trial, func(), error) {
		return func() (float64, error) { return 0, broken }, func() { ended = true }, nil
	}
	_, err := comparison{begin: begin}.measure(20)
	require.ErrorIs(t, err, broken)
	require.True(t, ended)
}

func TestEveryComparisonGivesAFigure(t *testing.T) {
	size := small // make bench measures
	for _, c := range comparisons {
		t.Run(c.name, func(t *testing.T) {
			trial, end, err := c.begin(size)
			if errors.Is(err, exec.ErrNotFound) && os.Getenv("E6_REQUIRE_HAPROXY") != "1" {
				t.Skip(err)
			}
			require.NoError(t, err)
			defer end()
			figure, err := trial()
			require.NoError(t, err)
			require.Positive(t, figure)
		})
	}
}

func TestTable_HasTheResultAndTheReasonOfEachGoal(t *testing.T) {
	text := rendered([]result{
		{comparison: comparison{name: "this", against: "that", goal: 2, unit: ofTime}, rounds: 21, median: 1.5, low: 1.25, high: 2.5},
		{comparison: comparison{name: "it", against: "them", goal: 3, more: true, unit: ofSpeed, reason: "it is slow"}, rounds: 1, median: 1.5},
	})
	require.True(t, strings.HasPrefix(text, "21 rounds each, go"))
	require.Contains(t, text, "| this | that | 1.50 x time | 1.25 to 2.50 | at most 2 | yes |\n")
	require.Contains(t, text, "| it | them | 1.50 x speed | one run | at least 3 | **no** |\n")
	require.True(t, strings.HasSuffix(text, "- it: it is slow.\n"))
	path := filepath.Join(t.TempDir(), "performance.md")
	require.ErrorContains(t, run(nil, nil, "", 5, ""), "want 20 or more")
	require.ErrorContains(t, run(nil, nil, "nothing like it", 20, ""), "nothing has that in its name")
	require.ErrorContains(t, run(nil, nil, "sql", 20, path), "-write with -run")
}
