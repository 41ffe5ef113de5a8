package e6_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/internal/stress"
)

// watcher keeps the events of a client.
type watcher struct {
	client *e6.Client
	mu     sync.Mutex
	seen   []events.Event
}

// watch keeps the events from now on, of all kinds or of some.
func watch(t testing.TB, client *e6.Client, kinds ...events.Kind) *watcher {
	w := &watcher{client: client}
	opts := []events.SubscribeOption{events.Queue(1 << 16)}
	if len(kinds) > 0 {
		opts = append(opts, events.Kinds(kinds...))
	}
	t.Cleanup(client.Subscribe(func(e events.Event) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.seen = append(w.seen, e)
	}, opts...))
	return w
}

// all returns what has come.
func (w *watcher) all() []events.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]events.Event(nil), w.seen...)
}

// count is how many events of a kind have come.
func (w *watcher) count(kind events.Kind) (n int) {
	for _, e := range w.all() {
		if e.Kind() == kind {
			n++
		}
	}
	return n
}

// settled waits until everything that was published before has come.
func (w *watcher) settled(t *testing.T) {
	t.Helper()
	history := w.client.History()
	last := history[len(history)-1].Seq
	waitFor(within(t, 10*time.Second), t, w.client, func() bool {
		seen := w.all()
		return len(seen) > 0 && seen[len(seen)-1].Seq >= last
	})
}

// first waits for an event of one type that fits, and returns it.
func first[T events.Data](t *testing.T, w *watcher, fits func(T) bool) T {
	t.Helper()
	var found T
	waitFor(within(t, 10*time.Second), t, w.client, func() bool {
		for _, e := range w.all() {
			if d, ok := e.Data.(T); ok && (fits == nil || fits(d)) {
				found = d
				return true
			}
		}
		return false
	})
	return found
}

// requireForgotten waits until the client and the server hold no query.
func requireForgotten(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
	t.Helper()
	requireIdle(t, client)
	waitFor(within(t, 10*time.Second), t, client, func() bool { return len(cluster.OpenQueries()) == 0 })
}

// ready waits for something that a test's own goroutine brings about.
func ready(t *testing.T, what string, is func() bool) {
	t.Helper()
	require.Eventually(t, is, stress.Patience, time.Millisecond, what)
}

// later runs f on a goroutine of its own and returns where its error will be.
func later(f func() error) <-chan error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	return done
}

// result takes the outcome of later, within a limit.
func result(t *testing.T, done <-chan error) error {
	t.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(stress.Patience):
		require.FailNow(t, "it never ended")
		return nil
	}
}

// calls is how often a method was called, on a side or on both.
func calls(cluster *e6test.Cluster, method string, sides ...e6.Side) (n int) {
	stats := cluster.Stats()
	if len(sides) == 0 {
		return stats.Calls[method]
	}
	for _, side := range sides {
		n += stats.CallsBySide[side][method]
	}
	return n
}

// executions is how often a statement was executed, on either side.
func executions(cluster *e6test.Cluster, sql string) int { return cluster.Stats().Executions[sql] }

// tagged gives a query a tag.
func tagged(ctx context.Context, tag string, opts ...e6.QueryOption) context.Context {
	return e6.WithQueryOptions(ctx, append(opts, e6.Tag(tag))...)
}

// drain reads rows to their end and returns how many there were.
func drain(rows *e6.Rows) (n int64) {
	for rows.Next() {
		n++
	}
	return n
}

// statements are the three ways to run a statement.
var statements = map[string]func(context.Context, *e6.Client, string) error{
	"Exec": func(ctx context.Context, c *e6.Client, sql string) error { return c.Exec(ctx, sql) },
	"QueryAll": func(ctx context.Context, c *e6.Client, sql string) error {
		_, err := c.QueryAll(ctx, sql)
		return err
	},
	"Query": func(ctx context.Context, c *e6.Client, sql string) error {
		rows, err := c.Query(ctx, sql)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		drain(rows)
		return rows.Err()
	},
}
