package e6_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/internal/stress"
)

// How much is asked of each kind of cutover.
var (
	stressGoroutines = stress.Count(16, 64)
	stressCutovers   = stress.Count(5, 200)
)

// load is what a number of goroutines did to a client, and how it ended.
type load struct {
	client *e6.Client
	until  context.Context
	wg     sync.WaitGroup

	queries, streams atomic.Int64
	mu               sync.Mutex
	wrong            []error
}

func (l *load) fail(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wrong = append(l.wrong, fmt.Errorf(format, args...))
}

// whole reads a result in one piece and checks every row.
func (l *load) whole(n int) {
	result, err := l.client.QueryAll(context.Background(), fmt.Sprintf("SELECT * FROM numbers(%d)", n))
	if err != nil {
		l.fail("whole: %w", err)
		return
	}
	l.queries.Add(1)
	i := 0
	for row := range result.Rows() {
		if row[0] != int64(i) || row[1] != e6test.NumbersText(i) {
			l.fail("row %d is %v", i, row)
			return
		}
		i++
	}
	if i != n {
		l.fail("%d rows instead of %d", i, n)
	}
}

// stream reads a result row by row and checks it.
func (l *load) stream(n int) {
	rows, err := l.client.Query(context.Background(), fmt.Sprintf("SELECT * FROM numbers(%d)", n))
	if err != nil {
		l.fail("stream: %w", err)
		return
	}
	defer rows.Close()
	i := 0
	for ; rows.Next(); i++ {
		var number int
		if err := rows.Scan(&number, new(string)); err != nil || number != i {
			l.fail("row %d is %d: %w", i, number, err)
			return
		}
	}
	switch err := rows.Err(); {
	case err != nil:
		l.fail("stream after %d rows: %w", i, err)
	case i != n:
		l.fail("%d rows of %d look complete", i, n)
	default:
		l.queries.Add(1)
		l.streams.Add(1)
	}
}

// drive runs queries from many goroutines until the context ends.
func drive(ctx context.Context, client *e6.Client) *load {
	l := &load{client: client, until: ctx}
	for g := range stressGoroutines {
		l.wg.Go(func() {
			for n := g; l.until.Err() == nil; n++ {
				if n%3 == 0 {
					l.stream(120)
				} else {
					l.whole(n % 60)
				}
			}
		})
	}
	return l
}

func TestStress_ManyGoroutinesLoseNoQueryInManyCutovers(t *testing.T) {
	for _, kind := range []e6test.CutoverKind{e6test.Graceful, e6test.Abrupt, e6test.AnnounceFirst} {
		t.Run(kind.String(), func(t *testing.T) {
			t.Parallel()
			cluster := start(t, e6test.WithBatchRows(50), e6test.WithChunks(1))
			client := open(t, cluster)
			var abandoned names
			defer client.Subscribe(abandoned.add, events.Kinds(events.KindQueryAbandoned), events.Queue(1<<20))()

			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			l := drive(ctx, client)
			for n := range stressCutovers {
				to := []e6.Side{e6.Green, e6.Blue}[n%2]
				cutOver(t, cluster, client, to, kind)
				// The new side does some work before it is left again.
				before := l.queries.Load()
				waitFor(within(t, 30*time.Second), t, client, func() bool { return l.queries.Load() >= before+int64(stressGoroutines)/4 })
			}
			stop()
			l.wg.Wait()

			require.Empty(t, l.wrong)
			requireIdle(t, client)
			stats := client.Stats()
			t.Logf("%d queries, of which %d streams; %d retried, %d replayed, %d continued, %d abandoned; %d refused by the ingress",
				l.queries.Load(), l.streams.Load(), stats.Retried, stats.Replayed, stats.Continued, stats.Abandoned, cluster.Stats().Refused456)
			require.Zero(t, stats.Lost)
			waitFor(within(t, 10*time.Second), t, client, func() bool { return abandoned.len() == stats.Abandoned })
			require.Empty(t, abandoned.missing(cluster.OpenQueries()), "the server holds queries without an Abandoned event")
		})
	}
}

// cutOver cuts over once, and waits until the client has followed and, if it is
// a graceful one, until the old side is drained before it is closed.
func cutOver(t *testing.T, cluster *e6test.Cluster, client *e6.Client, to e6.Side, kind e6test.CutoverKind) {
	ctx := within(t, 30*time.Second)
	if kind == e6test.Graceful {
		cluster.OpenSide(to)
		cluster.Announce(to)
		waitFor(ctx, t, client, func() bool {
			s := client.Strategy()
			return s.Active == to && s.Target == e6.None && client.Stats().InFlight[to.Other()] == 0
		})
		cluster.CloseSide(to.Other())
		return
	}
	require.NoError(t, cluster.Cutover(ctx, e6test.Cutover{To: to, Kind: kind}))
	waitFor(ctx, t, client, func() bool { return client.Strategy().Active == to })
}

// waitFor waits for something that a transition or the end of a query brings
// about.
func waitFor(ctx context.Context, t *testing.T, client *e6.Client, ready func() bool) {
	t.Helper()
	for !ready() {
		select {
		case <-ctx.Done():
			require.FailNow(t, "it never came about", "the strategy is %s, in flight %v", client.Strategy(), client.Stats().InFlight)
		case <-time.After(100 * time.Microsecond):
		}
	}
}

// requireIdle waits until no query holds a pin.
func requireIdle(t *testing.T, client *e6.Client) {
	t.Helper()
	waitFor(within(t, 10*time.Second), t, client, func() bool {
		n := client.Stats().InFlight
		return n[e6.Blue] == 0 && n[e6.Green] == 0
	})
}

// names collects the queries that were abandoned.
type names struct {
	mu  sync.Mutex
	ids map[string]bool
}

func (n *names) add(e events.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ids == nil {
		n.ids = map[string]bool{}
	}
	if d, ok := e.Data.(events.QueryAbandoned); ok {
		n.ids[d.QueryID] = true
	}
}

func (n *names) len() int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return int64(len(n.ids))
}

// missing lists the queries whose names were not collected.
func (n *names) missing(open []e6test.QueryInfo) (left []e6test.QueryInfo) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, q := range open {
		if !n.ids[q.ID] {
			left = append(left, q)
		}
	}
	return left
}
