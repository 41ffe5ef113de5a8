package timeline

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/recorder"
)

// queries are queries on blue of a second each, which start after these times.
func queries(starts ...time.Duration) (entries []recorder.Entry) {
	for _, s := range starts {
		entries = append(entries, recorder.Entry{Time: after(s + time.Second), Data: recorder.Query{Side: fsm.Blue, Took: time.Second}})
	}
	return entries
}

// rowsOf are the rows of the queries in a window of 20 seconds.
func rowsOf(entries []recorder.Entry) (rows []int) {
	tl := New(Options{From: start, To: after(20 * time.Second)}, Source{Entries: entries})
	for _, r := range tl.Clients[0].Sides[0].Runs {
		rows = append(rows, r.row)
	}
	return rows
}

func TestRuns_QueriesAtTheSameTimeHaveRowsOfTheirOwn(t *testing.T) {
	require.Equal(t, []int{0, 1, 2, 0}, rowsOf(queries(0, 500*time.Millisecond, 900*time.Millisecond, 1100*time.Millisecond)))
}

func TestRuns_ManyQueriesAreCounted(t *testing.T) {
	same := make([]time.Duration, maxRows)
	require.Len(t, rowsOf(queries(same...)), maxRows)
	require.Nil(t, rowsOf(queries(append(same, 0)...)), "too many at the same time")

	var short []recorder.Entry
	for i := range maxRuns {
		short = append(short, recorder.Entry{Time: after(time.Duration(i) * 100 * time.Millisecond), Data: recorder.Query{Side: fsm.Blue, Took: time.Millisecond}})
	}
	require.Len(t, rowsOf(short), maxRuns)
	require.Nil(t, rowsOf(append(short, short...)), "too many")
	_, classes := draw(t, New(Options{}, Source{Entries: append(short, short...)}))
	require.Positive(t, classes["bar"])
	require.Zero(t, classes["run ok"])
}

// A query that began in the window and ended after it was affected too.
func TestRuns_QueryThatEndsAfterTheWindowHasNoMark(t *testing.T) {
	entries := []recorder.Entry{
		{Time: after(5 * time.Second), Data: recorder.Query{Side: fsm.Blue, Took: 3 * time.Second, Retries: 1}},
		{Time: after(30 * time.Second), Data: recorder.Query{Side: fsm.Blue, Took: 20 * time.Second, Replays: 1}},
		{Time: after(40 * time.Second), Data: recorder.Query{Side: fsm.Blue, Took: time.Second, Lost: true}},
	}
	tl := New(Options{From: start, To: after(20 * time.Second)}, Source{Entries: entries})
	_, classes := draw(t, tl)
	require.Equal(t, []int{1, 1, 0}, []int{classes["run retried"], classes["run replayed"], classes["run lost"]})
	require.Equal(t, []int{2, 1}, []int{classes["mark retried"], classes["mark replayed"]}, "with the legend")
}
