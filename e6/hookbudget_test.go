package e6_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/internal/bubbles"
)

// budget is that of a hook, in the tests of this file.
const budget = 50 * time.Millisecond

// with makes an option of each hook.
func with[H any](option func(H) e6.Option, hooks ...H) (opts []e6.Option) {
	for _, h := range hooks {
		opts = append(opts, option(h))
	}
	return opts
}

// hooked serves a cluster in a bubble, and opens a client with hooks.
func hooked(t *testing.T, test func(t *testing.T, cluster *e6test.Cluster, client *e6.Client), opts ...e6.Option) {
	bubbles.Test(t, func(t *testing.T) {
		cluster, err := e6test.Start(e6test.InMemory())
		require.NoError(t, err)
		cfg := config(cluster)
		cfg.HookBudget = budget
		client, err := e6.Open(t.Context(), cfg, append(opts, e6.WithDialer(cluster.Dialer()))...)
		require.NoError(t, err)
		test(t, cluster, client)
		require.NoError(t, client.Close())
		require.NoError(t, cluster.Close())
		require.Empty(t, cluster.Stats().Violations)
	})
}

// failures are the HookFailed events so far.
func failures(client *e6.Client) (all []events.HookFailed) {
	for _, e := range client.History() {
		if d, ok := e.Data.(events.HookFailed); ok {
			all = append(all, d)
		}
	}
	return all
}

// onQuery is a QueryHook made of a function.
type onQuery func(ctx context.Context, point string)

func (f onQuery) QueryStart(ctx context.Context, _ hook.QueryStart) context.Context {
	f(ctx, hook.PointQueryStart)
	return context.WithValue(ctx, keyOfTest{}, "started")
}
func (f onQuery) QueryEnd(ctx context.Context, _ hook.QueryEnd) { f(ctx, hook.PointQueryEnd) }
func (f onQuery) String() string                                { return "hook of the test" }

type keyOfTest struct{}

func TestQueryHook_PanicCostsNothingAndIsReportedWithoutItsText(t *testing.T) {
	for name, fail := range map[string]func(){
		"a text":          func() { panic("planted secret") },
		"an error":        func() { panic(errors.New("planted secret")) },
		"a runtime error": func() { _ = []int{}[len(name0):][0] },
	} {
		t.Run(name, func(t *testing.T) {
			hooked(t, func(t *testing.T, _ *e6test.Cluster, client *e6.Client) {
				for range 3 {
					require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
				}
				failed := failures(client)
				require.Len(t, failed, 1, "once a second at the most")
				require.Equal(t, "panic", failed[0].Problem)
				require.Equal(t, hook.PointQueryStart, failed[0].Point)
				require.Equal(t, "hook of the test", failed[0].Hook)
				require.NotContains(t, failed[0].String(), "planted")
				<-time.After(2 * time.Second)
				require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
				failed = failures(client)
				require.Len(t, failed, 2)
				require.EqualValues(t, 6, failed[1].Count, "the calls without an event are counted")
			}, e6.WithQueryHook(onQuery(func(context.Context, string) { fail() })))
		})
	}
}

const name0 = ""

func TestQueryHook_OverrunCostsAQueryTheBudgetOnce(t *testing.T) {
	var release chan struct{}
	var calls atomic.Int64
	hooked(t, func(t *testing.T, _ *e6test.Cluster, client *e6.Client) {
		release = make(chan struct{}) // of the bubble
		took := func() time.Duration {
			began := time.Now()
			require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
			return time.Since(began)
		}
		require.Equal(t, budget, took(), "the first query")
		for range 10 {
			require.Zero(t, took(), "the others")
		}
		require.EqualValues(t, 1, calls.Load())
		failed := failures(client)
		require.Equal(t, "overrun", failed[0].Problem)
		require.Equal(t, budget, failed[0].Took)
		<-time.After(2 * time.Second)
		require.Zero(t, took())
		failed = failures(client)
		require.Equal(t, "busy", failed[len(failed)-1].Problem)

		close(release)
		synctest.Wait()
		require.Zero(t, took())
		require.EqualValues(t, 3, calls.Load(), "start and end of the last query")
	}, e6.WithQueryHook(onQuery(func(context.Context, string) {
		calls.Add(1)
		<-release
	})))
}

func TestClose_EndsTheGoroutinesOfHooks(t *testing.T) {
	// The bubble of hooked ends only when all its goroutines have.
	hooked(t, func(t *testing.T, _ *e6test.Cluster, client *e6.Client) {
		var running sync.WaitGroup
		for range 100 {
			running.Go(func() { _ = client.Exec(t.Context(), "SELECT 1") })
		}
		running.Wait()
	}, e6.WithQueryHook(onQuery(func(context.Context, string) { <-time.After(time.Millisecond) })))
}

var _ fmt.Stringer = onQuery(nil)
