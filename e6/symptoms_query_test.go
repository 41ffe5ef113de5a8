package e6_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/store"
)

func refusalsRise(t *testing.T) {
	cluster, client := ailing(t)
	require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}))
	answer(t, client)
	require.Equal(t, []events.Refused{{Side: e6.Blue, Method: "prepareStatement"}}, published[events.Refused](client))
	require.Equal(t, []events.QueryRetried{{From: e6.Blue, To: e6.Green, Method: "prepareStatement"}}, published[events.QueryRetried](client))
	for range 10 {
		answer(t, client)
	}
	stats := client.Stats()
	require.Equal(t, map[e6.Side]int64{e6.Blue: 2, e6.Green: 0}, stats.Refused, "one cutover refuses one call, on a connection and on another one, and no query failed")
}

func replaysRise(t *testing.T) {
	cluster, client := ailing(t)
	leave(cluster, "getResultMetadata", 1)
	_, err := client.QueryAll(tagged(t.Context(), "report"), "SELECT * FROM numbers(100)")
	require.NoError(t, err)
	replayed := published[events.QueryReplayed](client)[0]
	require.Equal(t, events.QueryReplayed{QueryID: replayed.QueryID, Tag: "report", From: e6.Blue, To: e6.Green, Attempt: 1, Reason: replayed.Reason}, replayed)
	require.Contains(t, replayed.Reason, "456")
	require.Equal(t, int64(1), client.Stats().Replayed)
	require.Equal(t, 2, executions(cluster, "SELECT * FROM numbers(100)"))
}

func aStreamIsLost(t *testing.T) {
	cluster := start(t, e6test.InMemory(), e6test.WithBatchRows(10), e6test.WithChunks(1))
	client := patient(t, cluster, noWindow)
	stream := held(t, client)
	require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt, EngineGone: true}))
	rows := 1 + drain(stream)
	lost, ok := errors.AsType[*e6.CutoverError](stream.Err())
	require.True(t, ok, "%v", stream.Err())
	require.ErrorIs(t, lost, e6.ErrQueryLost)
	require.Equal(t, rows, lost.RowsDelivered)
	require.Equal(t, "export", lost.Tag)
	require.ErrorContains(t, lost, "run it again to read all")
	require.True(t, e6.SafeToReplay(lost) && e6.IsRetryable(lost))
	require.Len(t, published[events.QueryLost](client), 1)
	require.Equal(t, slog.LevelError, loudest(client, events.KindQueryLost))
	require.Equal(t, int64(1), client.Stats().Lost)
}

func aWriteIsUnknown(t *testing.T) {
	engine := e6test.NewCannedEngine()
	cluster := start(t, e6test.InMemory(), e6test.WithEngine(engine))
	client := patient(t, cluster, nil)
	cluster.Inject(e6test.Fault{Method: "executeStatement", Action: e6test.BreakAfter})
	err := client.Exec(tagged(t.Context(), "order 4711"), "INSERT INTO sales VALUES (7)")
	lost, ok := errors.AsType[*e6.CutoverError](err)
	require.True(t, ok, "%v", err)
	require.True(t, lost.MayHaveTakenEffect)
	require.Equal(t, "order 4711", lost.Tag)
	require.ErrorContains(t, err, "may have taken effect: look at the data before it is run again")
	require.False(t, e6.SafeToReplay(err))
	event := published[events.QueryLost](client)[0]
	require.True(t, event.MayHaveRun)
	require.Equal(t, "order 4711", event.Tag)
	require.Equal(t, []int64{7}, engine.Inserted("sales"), "this one has")
}

func aQueryIsLeftBehind(t *testing.T) {
	cluster, client := ailing(t)
	cluster.Inject(e6test.Fault{Side: e6.Blue, Method: "clearOrCancelQuery", Times: -1, Action: e6test.Refuse456})
	answer(t, client)
	left := published[events.QueryAbandoned](client)
	require.Len(t, left, 1)
	require.Equal(t, e6.Blue, left[0].Side)
	require.Contains(t, left[0].Error, "456")
	require.Equal(t, int64(1), client.Stats().Abandoned)
	require.Len(t, cluster.OpenQueries(), 1)
}

func theIngressIsStrange(t *testing.T) {
	cluster, client := ailing(t)
	cluster.OpenSide(e6.Green)
	cluster.SetHealthy(e6.Blue, false) // a closed side is answered with 502
	answer(t, client)
	require.Equal(t, e6.Green, client.Strategy().Active)
	require.Equal(t, fsm.ReasonAccepted, client.Strategy().Cause.Reason)
	require.Contains(t, client.Strategy().Cause.Detail, "unreachable: no response from blue: prepareStatement on blue")
	require.Zero(t, client.Stats().Refused[e6.Blue], "no 456 was seen")
	require.Equal(t, "refresh", published[events.ProbeFailed](client)[0].Purpose)
	require.Contains(t, published[events.ProbeFailed](client)[0].Error, "no response that can be read")

	// The engine never received this statement, but the client cannot know that.
	cluster.Inject(e6test.Fault{Method: "executeStatement", Action: e6test.BadGateway})
	err := client.Exec(t.Context(), "INSERT INTO sales VALUES (7)")
	require.ErrorIs(t, err, e6.ErrQueryLost)
	require.False(t, e6.SafeToReplay(err))
	require.Zero(t, executions(cluster, "INSERT INTO sales VALUES (7)"))

	cluster.SetHealthy(e6.Blue, true)
	cluster.Inject(e6test.Fault{Side: e6.Green, Action: e6test.Refuse503, Times: -1}) // or with 503
	require.NoError(t, client.Exec(t.Context(), "INSERT INTO sales VALUES (8)"))
	require.Equal(t, e6.Blue, client.Strategy().Active)
	resumed := published[events.ClusterResume](client)
	require.Equal(t, events.ClusterResume{Status: "active", Done: true}, resumed[len(resumed)-1], "it was awake")
}

// sickGreen makes the stack of green fail every statement, while it goes on to
// accept logins and health checks.
func sickGreen(cluster *e6test.Cluster) {
	cluster.Inject(e6test.Fault{Side: e6.Green, Method: "prepareStatement", Action: e6test.BadGateway, Times: -1})
}

func aRollbackHappened(t *testing.T) {
	cluster, client := ailing(t, e6.WithRollback(e6.RollbackPolicy{MinRequests: 4}))
	moveTo(t, cluster, client, e6.Green)
	sickGreen(cluster)
	answer(t, client) // the attempts of this query are breach enough
	synctest.Wait()
	breach := published[events.HealthBreached](client)
	require.Len(t, breach, 1)
	require.Equal(t, e6.Green, breach[0].Side)
	require.Equal(t, "rollback", breach[0].Action)
	require.Equal(t, int64(4), breach[0].Requests)
	require.Contains(t, breach[0].Reason, "executions got no response: ")
	require.Equal(t, slog.LevelWarn, loudest(client, events.KindHealthBreached))
	var rolledBack int
	for _, step := range published[events.Transition](client) {
		if step.Event == fsm.EventRollback {
			rolledBack++
			require.Equal(t, fsm.ReasonHealth, step.Cause.Reason)
		}
	}
	require.Equal(t, 1, rolledBack)
	require.Equal(t, e6.Blue, client.Strategy().Active)
	green := client.Health().Sides[1]
	require.Positive(t, green.Failures)
	require.Positive(t, green.CoolDown)
}

func theClientCoolsDown(t *testing.T) {
	cluster, client := ailing(t)
	moveTo(t, cluster, client, e6.Green)
	require.NoError(t, client.Rollback(t.Context(), "wrong plans"))
	before := len(published[events.AnnouncementReceived](client))
	answer(t, client) // blue goes on to name green
	elapse(29 * time.Minute)
	answer(t, client)
	require.Equal(t, e6.Blue, client.Strategy().Active)
	require.Equal(t, time.Minute, client.Health().Sides[1].CoolDown)
	require.Len(t, published[events.AnnouncementReceived](client), before, "what is ignored makes no event")
	elapse(time.Minute)
	answer(t, client)
	synctest.Wait()
	require.Equal(t, e6.Green, client.Strategy().Active)

	require.NoError(t, client.Rollback(t.Context(), "wrong plans again"))
	require.NoError(t, client.Switch(t.Context(), e6.Green), "the caller ends the cool-down")
}

func aSickSideIsNotLeft(t *testing.T) {
	cluster, client := ailing(t, e6.WithRollback(e6.RollbackPolicy{MinRequests: 4}))
	moveTo(t, cluster, client, e6.Green)
	cluster.CloseSide(e6.Blue)
	sickGreen(cluster)
	require.Error(t, client.Exec(t.Context(), "SELECT 1"))
	require.Equal(t, "rollback", published[events.HealthBreached](client)[0].Action, "it is tried")
	require.Equal(t, e6.Green, client.Strategy().Active)
	failed := published[events.ProbeFailed](client)
	require.Equal(t, "return", failed[len(failed)-1].Purpose)
	require.Equal(t, e6.Blue, failed[len(failed)-1].Side)
	require.ErrorContains(t, client.Rollback(t.Context(), "it is sick"), "rollback: blue does not accept")
}

func theClusterIsSuspended(t *testing.T) {
	cluster := start(t, e6test.InMemory(), e6test.WithResumeDelay(10*time.Minute))
	stern := patient(t, cluster, func(c *e6.Config) { c.NoAutoResume = true })
	cluster.Suspend()
	err := stern.Exec(t.Context(), "SELECT 1")
	require.ErrorIs(t, err, e6.ErrSuspended)
	require.ErrorContains(t, err, "NoAutoResume is set: resume it, or allow the client to")
	require.True(t, e6.IsRetryable(err) && e6.SafeToReplay(err))

	asleep := events.ClusterResume{Status: "suspended", Done: true, Error: "NoAutoResume is set"}
	require.Equal(t, []events.ClusterResume{asleep}, published[events.ClusterResume](stern))

	err = stern.ResumeCluster(t.Context())
	require.ErrorIs(t, err, e6.ErrSuspended)
	require.ErrorContains(t, err, "did not become active within 5m0s")
	progress := published[events.ClusterResume](stern)[1:]
	require.Equal(t, "suspended", progress[0].Status)
	require.Equal(t, "resuming", progress[1].Status)
	require.True(t, progress[len(progress)-1].Done)
	require.NotEmpty(t, progress[len(progress)-1].Error)
	require.Equal(t, slog.LevelWarn, loudest(stern, events.KindClusterResume))
	elapse(5 * time.Minute)
	answer(t, stern)
}

func sessionsExpire(t *testing.T) {
	cluster, client := ailing(t)
	cluster.ExpireSessions()
	answer(t, client)
	require.Equal(t, []events.SessionExpired{{Side: e6.Blue, Generation: 1}}, published[events.SessionExpired](client))
	opened := published[events.SessionOpened](client)
	require.Equal(t, events.SessionOpened{Side: e6.Blue, Generation: 2, Purpose: "session"}, opened[len(opened)-1])
	require.Equal(t, uint64(2), client.Health().Sides[0].Session)
}

// stuck is a hook whose first call does not return before its end, and whose
// next one panics.
type stuck struct {
	end   chan struct{}
	calls int
}

func (h *stuck) QueryStart(ctx context.Context, _ hook.QueryStart) context.Context {
	if h.calls++; h.calls == 1 {
		<-h.end
	} else {
		panic("the secret of a hook")
	}
	return ctx
}
func (h *stuck) QueryEnd(context.Context, hook.QueryEnd) {}
func (h *stuck) String() string                          { return "audit" }

func aHookFails(t *testing.T) {
	hook := &stuck{end: make(chan struct{})}
	_, client := ailing(t, e6.WithQueryHook(hook))
	began := time.Now()
	answer(t, client)
	require.Equal(t, 100*time.Millisecond, time.Since(began), "a call costs its budget at the most")
	elapse(time.Second)
	began = time.Now()
	answer(t, client) // the first call has not returned: there is no other
	require.Zero(t, time.Since(began))
	close(hook.end)
	elapse(time.Second)
	answer(t, client)
	failed := published[events.HookFailed](client)
	var problems []string
	for _, f := range failed {
		require.Equal(t, "audit", f.Hook)
		require.NotContains(t, f.Detail, "secret")
		problems = append(problems, f.Point+" "+f.Problem)
	}
	require.Equal(t, []string{"query_start overrun", "query_start busy", "query_start panic"}, problems)
	require.Contains(t, client.Health().LastErrors[0].What, "hook audit: panic in query_start")

	cluster, client := ailing(t, e6.WithGuard(rashGuard{}))
	moveTo(t, cluster, client, e6.Green)
	require.Equal(t, "guard", published[events.HookFailed](client)[0].Point)
	require.Equal(t, "allow", published[events.GuardDecided](client)[0].Decision)
	require.Equal(t, e6.Green, client.Strategy().Active)
}

// rashGuard is a guard that fails.
type rashGuard struct{}

func (rashGuard) Guard(context.Context, *hook.Proposal) hook.Decision { panic("a guard") }

func eventsWereDropped(t *testing.T) {
	_, client := ailing(t)
	release := make(chan struct{})
	var seen []events.Event
	defer client.Subscribe(func(e events.Event) {
		seen = append(seen, e)
		<-release
	}, events.Queue(2))()
	for range 3 {
		require.NoError(t, client.Reset(t.Context()))
		answer(t, client)
	}
	synctest.Wait()
	require.Positive(t, client.Stats().EventsDropped)
	close(release)
	synctest.Wait()
	missed, ok := seen[len(seen)-1].Data.(events.EventsDropped)
	require.True(t, ok, "%v", seen)
	var dropped uint64
	for _, e := range seen {
		if m, ok := e.Data.(events.EventsDropped); ok {
			dropped += m.Count
		}
	}
	require.Equal(t, client.Stats().EventsDropped, dropped)
	require.Equal(t, client.Strategy(), missed.Snapshot)
}

// brokenStore is a store that is out of reach.
type brokenStore struct{}

func (brokenStore) Load(context.Context, string) (store.Record, error) {
	return store.Record{}, errors.New("no route")
}
func (brokenStore) CompareAndSwap(context.Context, string, uint64, store.Record) (store.Record, error) {
	return store.Record{}, errors.New("no route")
}
func (brokenStore) Watch(context.Context, string, func(store.Record)) error {
	return errors.New("no route")
}

func theStoreFails(t *testing.T) {
	cluster, client := ailing(t, e6.WithStore(brokenStore{}))
	ops := map[string]bool{}
	for _, f := range published[events.StoreFailed](client) {
		ops[f.Op] = true
		require.Equal(t, "no route", f.Error)
	}
	require.Equal(t, map[string]bool{"watch": true, "compare-and-swap": true}, ops)
	require.Equal(t, slog.LevelWarn, loudest(client, events.KindStoreFailed))
	moveTo(t, cluster, client, e6.Green)
	require.Equal(t, e6.Green, client.Strategy().Active, "it costs nothing but the sharing")
}

func aMessageIsTooLarge(t *testing.T) {
	cluster := start(t, e6test.InMemory())
	client := patient(t, cluster, func(c *e6.Config) { c.MaxReceiveBytes = 4000 })
	err := client.Exec(t.Context(), "SELECT * FROM numbers(1000)")
	failed, ok := errors.AsType[*e6.QueryError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, "fetch", failed.Op)
	require.Equal(t, codes.ResourceExhausted, failed.Code)
	require.ErrorContains(t, err, "larger than max")
	call, ok := errors.AsType[*e6.CallError](err)
	require.True(t, ok)
	require.Equal(t, "a message is too large", call.Class)
	require.False(t, e6.IsRetryable(err))
	answer(t, client)
}

func theClientIsClosed(t *testing.T) {
	_, client := ailing(t)
	stream := held(t, client)
	require.NoError(t, client.Close())
	drain(stream)
	require.ErrorIs(t, stream.Err(), e6.ErrClosed)
	err := client.Exec(t.Context(), "SELECT 1")
	require.ErrorIs(t, err, e6.ErrClosed)
	require.False(t, e6.IsRetryable(err))
	require.True(t, client.Closed())
	require.False(t, client.Health().Ready)
	history := client.History()
	require.Equal(t, events.KindClosed, history[len(history)-1].Kind())
}
