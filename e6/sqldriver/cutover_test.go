package sqldriver_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/stress"
)

// cutovers are the kinds of them.
var cutovers = []e6test.CutoverKind{e6test.Graceful, e6test.Abrupt, e6test.AnnounceFirst}

// cutOver lets work go on for a while, cuts over, and waits until the client has
// followed. It needs a bubble and a cluster whose calls take time. A graceful one
// closes the old side when it is drained, as a planned deployment does.
func cutOver(t *testing.T, cluster *e6test.Cluster, client *e6.Client, to e6.Side, kind e6test.CutoverKind) {
	t.Helper()
	<-time.After(20 * time.Millisecond)
	if kind == e6test.Graceful {
		cluster.OpenSide(to)
		cluster.Announce(to)
	} else {
		require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: to, Kind: kind, Grace: 20 * time.Millisecond}))
	}
	require.Eventually(t, func() bool {
		return client.Strategy().State == fsm.Settled(to) && client.Stats().InFlight[to.Other()] == 0
	}, time.Minute, time.Millisecond)
	if kind == e6test.Graceful {
		cluster.CloseSide(to.Other())
	}
	<-time.After(20 * time.Millisecond)
}

// work is what many goroutines did to a pool, and how it ended.
type work struct {
	db              *sql.DB
	short, long     atomic.Int64 // that were right
	lost            atomic.Int64 // of the long ones
	inserts, unsure atomic.Int64
	mu              sync.Mutex
	wrong           []error
}

func (w *work) fail(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrong = append(w.wrong, fmt.Errorf(format, args...))
}

// one queries one row.
func (w *work) one(n int) {
	var got int
	if err := w.db.QueryRow("SELECT ?", n).Scan(&got); err != nil || got != n {
		w.fail("one row: %d instead of %d: %w", got, n, err)
		return
	}
	w.short.Add(1)
}

// whole reads a result that comes with one answer of the engine.
func (w *work) whole(n int) {
	r, err := w.db.Query(fmt.Sprintf("SELECT * FROM numbers(%d)", n))
	if err != nil {
		w.fail("a whole result: %w", err)
		return
	}
	if got, err := scanAll(r); err != nil || got != n {
		w.fail("a whole result: %d rows of %d: %w", got, n, err)
		return
	}
	w.short.Add(1)
}

// stream reads a result that comes with many answers. A cutover without notice
// may end it after rows of it were read. Then it must return an error.
func (w *work) stream(n int) {
	r, err := w.db.Query(fmt.Sprintf("SELECT * FROM numbers(%d)", n))
	if err != nil {
		w.fail("a stream: %w", err)
		return
	}
	switch got, err := scanAll(r); {
	case err == nil && got == n:
		w.long.Add(1)
	case err == nil:
		w.fail("a stream of %d rows looks complete after %d", n, got)
	default:
		cut, ok := errors.AsType[*e6.CutoverError](err)
		if !ok || !errors.Is(err, e6.ErrQueryLost) || got == 0 || cut.RowsDelivered != int64(got) || cut.MayHaveTakenEffect {
			w.fail("a stream after %d rows: %w", got, err)
			return
		}
		w.lost.Add(1)
	}
}

// insert writes a unique number.
func (w *work) insert(n int) {
	_, err := w.db.Exec("INSERT INTO audit VALUES (?)", n)
	switch cut, ok := errors.AsType[*e6.CutoverError](err); {
	case err == nil:
		w.inserts.Add(1)
	case ok && cut.MayHaveTakenEffect:
		w.unsure.Add(1)
	default:
		w.fail("an insert: %w", err)
	}
}

// logins counts the sessions of each side from now on.
func logins(t *testing.T, client *e6.Client) func() map[e6.Side]int {
	var mu sync.Mutex
	count := map[e6.Side]int{}
	t.Cleanup(client.Subscribe(func(e events.Event) {
		mu.Lock()
		defer mu.Unlock()
		if d, ok := e.Data.(events.SessionOpened); ok {
			count[d.Side]++
		}
	}, events.Kinds(events.KindSessionOpened), events.Queue(1<<10)))
	return func() map[e6.Side]int {
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		return maps.Clone(count)
	}
}

// requireIdle waits until nothing runs any more, and wants the server to hold
// only the queries that the client reports as not cleared.
func requireIdle(t *testing.T, cluster *e6test.Cluster, db *sql.DB, client *e6.Client) {
	t.Helper()
	require.Eventually(t, func() bool {
		flying := client.Stats().InFlight
		return flying[e6.Blue]+flying[e6.Green] == 0 && db.Stats().InUse == 0
	}, stress.Patience, time.Millisecond)
	require.LessOrEqual(t, int64(len(cluster.OpenQueries())), client.Stats().Abandoned)
}

func TestPool_LosesNothingOverCutovers(t *testing.T) {
	sizes := []int{1, 8}
	if stress.Long() {
		sizes = []int{1, 2, 8, 64}
	}
	for _, size := range sizes {
		for _, kind := range cutovers {
			t.Run(fmt.Sprintf("%d connections, %s", size, kind), func(t *testing.T) {
				t.Parallel()
				poolOverCutovers(t, size, kind)
			})
		}
	}
}

func poolOverCutovers(t *testing.T, size int, kind e6test.CutoverKind) {
	engine := e6test.NewCannedEngine()
	latency, times := 2*time.Millisecond, 9
	if size == 8 {
		times = stress.Count(3, 9)
	}
	if size > 8 {
		latency, times = 2*latency, 3 // a sixth of the work
	}
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, db *sql.DB, client *e6.Client) {
		db.SetMaxOpenConns(size)
		count := logins(t, client)
		w := &work{db: db}
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		var next atomic.Int64
		for range size + 2 {
			running.Go(func() {
				for ctx.Err() == nil {
					n := int(next.Add(1))
					switch n % 8 {
					case 0:
						w.stream(200)
					case 1:
						w.insert(n)
					case 2, 3, 4:
						w.whole(n % 10)
					default:
						w.one(n)
					}
				}
			})
		}
		for n := range times {
			cutOver(t, cluster, client, []e6.Side{e6.Green, e6.Blue}[n%2], kind)
		}
		stop()
		running.Wait()
		requireIdle(t, cluster, db, client)

		require.Empty(t, w.wrong)
		require.NotZero(t, w.short.Load())
		require.NotZero(t, w.long.Load()+w.lost.Load())
		require.NotZero(t, w.inserts.Load()+w.unsure.Load())
		if kind == e6test.Graceful {
			require.Zero(t, w.lost.Load()+w.unsure.Load(), "a cutover that is announced in time loses nothing")
			require.Zero(t, client.Stats().Abandoned)
		}
		require.Equal(t, w.lost.Load()+w.unsure.Load(), client.Stats().Lost)

		// No insert came twice, and no more of them than were reported.
		numbers := engine.Inserted("audit")
		seen := map[int64]bool{}
		for _, n := range numbers {
			require.False(t, seen[n], "%d was inserted twice", n)
			seen[n] = true
		}
		require.GreaterOrEqual(t, int64(len(numbers)), w.inserts.Load())
		require.LessOrEqual(t, int64(len(numbers)), w.inserts.Load()+w.unsure.Load())

		// Every visit of a side is one login, for all connections.
		require.Equal(t, map[e6.Side]int{e6.Green: times/2 + 1, e6.Blue: times / 2}, count())
		require.LessOrEqual(t, db.Stats().OpenConnections, size)
		t.Logf("%d short, %d long, %d lost; %d inserts, %d unsure; %+v",
			w.short.Load(), w.long.Load(), w.lost.Load(), w.inserts.Load(), w.unsure.Load(), client.Stats())
	}, e6test.WithEngine(engine), e6test.WithBatchRows(10), e6test.WithLatency(latency))
}
