package emulator_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/emulator"
	"github.com/e6data/e6data-go/internal/stress"
)

// liveHeap is the memory that is in use after a collection.
func liveHeap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func TestContinue_StreamsALongResultThroughCutoversInConstantMemory(t *testing.T) {
	all, cutovers := stress.Count(200_000, 2_000_000), 5
	em := start(t, emulator.Options{})
	client, err := e6.Open(t.Context(), e6.Config{Address: em.Addr(), User: "me", Token: "token", RetryPause: 5 * time.Millisecond},
		e6.WithReplay(e6.ReplayContinue))
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()
	ctx, cancel := context.WithTimeout(t.Context(), 5*stress.Patience)
	defer cancel()
	rows, err := client.Query(ctx, fmt.Sprintf("SELECT range AS n, 'row ' || range AS text FROM range(%d) ORDER BY n", all))
	require.NoError(t, err)
	defer rows.Close()
	var begin, most uint64
	side := e6.Blue
	n := 0
	for rows.Next() {
		var i int
		var text string
		require.NoError(t, rows.Scan(&i, &text))
		if i != n || text != fmt.Sprintf("row %d", n) {
			require.FailNow(t, "a wrong row", "row %d is %d, %q", n, i, text)
		}
		n++
		part := all / (cutovers + 1)
		switch {
		case n == part/2:
			begin = liveHeap()
		case n%part == 0 && n < all-cutovers:
			most = max(most, liveHeap())
			side = side.Other()
			require.NoError(t, em.Cluster().Cutover(ctx, e6test.Cutover{To: side, Kind: e6test.Abrupt}))
		}
	}
	require.NoError(t, rows.Err())
	require.Equal(t, all, n)
	most = max(most, liveHeap())
	stats := client.Stats()
	require.GreaterOrEqual(t, stats.Continued, int64(cutovers)-1, "what had been read ahead may be all that was left")
	require.Zero(t, stats.Lost)
	t.Logf("%d rows, %d continued; live heap %d KiB in the first part, %d KiB at the most", n, stats.Continued, begin>>10, most>>10)
	// The read-ahead is bounded; the rows that were read would take as much as this
	// times the number of parts.
	require.Less(t, most, begin+16<<20)
}
