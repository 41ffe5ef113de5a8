package e6_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/internal/stress"
)

func theConfigurationIsRefused(t *testing.T) {
	_, err := e6.Open(t.Context(), e6.Config{Address: "https://example.com", Token: "hunter2"}, e6.WithGuard(nil))
	refused, ok := errors.AsType[*e6.ConfigError](err)
	require.True(t, ok, "%v", err)
	var fields []string
	for _, p := range refused.Problems {
		fields = append(fields, p.Field)
	}
	require.ElementsMatch(t, []string{"Address", "User", "WithGuard"}, fields)
	require.NotContains(t, err.Error(), "hunter2")
}

func wrongCredentials(t *testing.T) {
	cluster := start(t, e6test.InMemory(), e6test.WithCredentials("user@example.com", "the right token"))
	cfg := config(cluster)
	began := time.Now()
	_, err := e6.Open(t.Context(), cfg, e6.WithDialer(cluster.Dialer()))
	require.ErrorIs(t, err, e6.ErrCredentials)
	require.False(t, e6.IsRetryable(err))
	require.Zero(t, time.Since(began), "it is not tried again")

	token := "the right token"
	client := patient(t, cluster, func(c *e6.Config) {
		c.User, c.Token = "", ""
		c.Credentials = func(context.Context) (string, string, error) { return "user@example.com", token, nil }
	})
	token = "an old token"
	cluster.ExpireSessions()
	require.ErrorIs(t, client.Exec(t.Context(), "SELECT 1"), e6.ErrCredentials)
	failed := published[events.ProbeFailed](client)
	require.Equal(t, "session", failed[0].Purpose)
	require.Contains(t, client.Health().LastErrors[0].What, "the credentials are rejected")
}

func theCAIsWrong(t *testing.T) {
	serverTLS, ca := certificate(t)
	_, otherCA := certificate(t)
	encrypted, clear := start(t, e6test.WithTLS(serverTLS)), start(t)
	for hint, cfg := range map[string]e6.Config{
		"the server may expect TLS":                         {Address: encrypted.Addr()},
		"give the CA that signed the server's certificate":  {Address: encrypted.Addr(), TLS: true},
		"x509: certificate":                                 {Address: encrypted.Addr(), TLS: true, CAPEM: otherCA},
		"speak TLS on this port":                            {Address: clear.Addr(), TLS: true, CAPEM: ca},
		"certificate is valid for cluster.test, not a.test": {Address: encrypted.Addr(), TLS: true, CAPEM: ca, ServerName: "a.test"},
	} {
		cfg.User, cfg.Token = "user@example.com", "secret-token"
		cfg.DetectionTimeout = stress.Patience // Open does not wait for these, and a busy machine shakes hands slowly
		t.Run(hint, func(t *testing.T) {
			t.Parallel()
			_, err := e6.Open(t.Context(), cfg)
			require.ErrorContains(t, err, hint)
		})
	}
}

func aDetectionFails(t *testing.T) {
	cluster, client := ailing(t)
	cluster.CloseSide(e6.Blue)
	began := time.Now()
	err := client.Exec(t.Context(), "SELECT 1")
	failed, ok := errors.AsType[*e6.DetectionError](err)
	require.True(t, ok, "%v", err)
	require.Equal(t, 30*time.Second, time.Since(began))
	require.ErrorContains(t, failed.Blue, "456")
	require.ErrorContains(t, failed.Green, "456")
	require.True(t, e6.IsRetryable(err) && e6.SafeToReplay(err))
	health := client.Health()
	require.False(t, health.Ready)
	require.Equal(t, "unknown", health.Strategy.State)
	require.Equal(t, "deadline", health.Strategy.Reason)
	require.Contains(t, health.LastErrors[0].What, "failed (detect, attempt ")
	require.Equal(t, slog.LevelWarn, loudest(client, events.KindTransition))
	cluster.OpenSide(e6.Green)
	answer(t, client)
}

func queriesWait(t *testing.T) {
	cluster, client := ailing(t)
	cluster.CloseSide(e6.Blue)
	time.AfterFunc(20*time.Second, func() { cluster.OpenSide(e6.Green) })
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	err := client.Exec(ctx, "SELECT 1")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "waiting for a side that accepts (detecting)")
	require.ErrorContains(t, err, "the last attempt: ")
	require.False(t, client.Health().Ready)
	answer(t, client)
	require.True(t, client.Health().Ready)
}

func statementsWait(t *testing.T) {
	cluster := start(t, e6test.InMemory(), e6test.WithBatchRows(10), e6test.WithChunks(1))
	client := patient(t, cluster, func(c *e6.Config) { c.MaxInFlight = 1 })
	stream := held(t, client)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	err := client.Exec(ctx, "SELECT 1")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "waiting for one of 1 statements to end (Config.MaxInFlight)")
	require.Equal(t, int64(1), client.Health().Sides[0].InFlight)
	require.NoError(t, stream.Close())
	answer(t, client)
}

func statementsWaitForAPlanner(t *testing.T) {
	cluster := start(t, e6test.InMemory())
	client := patient(t, cluster, func(c *e6.Config) { c.Admission = true })
	cluster.Admit(e6test.Admission{Waits: 10})
	answer(t, client)
	queued := published[events.QueryQueued](client)
	require.False(t, queued[0].Admitted)
	require.True(t, queued[len(queued)-1].Admitted)
	cluster.Admit(e6test.Admission{RateLimit: true})
	err := client.Exec(t.Context(), "SELECT 1")
	require.ErrorIs(t, err, e6.ErrRateLimited)
	require.True(t, e6.SafeToReplay(err))
	cluster.Admit(e6test.Admission{Waits: 1 << 30})
	began := time.Now()
	require.ErrorContains(t, client.Exec(t.Context(), "SELECT 1"), "no planner was free within")
	require.Equal(t, 10*time.Minute, time.Since(began))
}

func theAnnouncedSideIsNeverReady(t *testing.T) {
	cluster, client := ailing(t)
	cluster.Announce(e6.Green)
	answer(t, client)
	elapse(9 * time.Minute)
	health := client.Health()
	require.Equal(t, "preparing", health.Strategy.Phase)
	require.True(t, health.Ready, "the old side serves on")
	require.Contains(t, health.LastErrors[0].What, "probe of green failed (prepare, attempt ")
	elapse(time.Minute)
	require.Equal(t, fsm.StateBlue, client.Strategy().State)
	require.Equal(t, "deadline: green was not ready within 10m0s", client.Strategy().Cause.String())
}

func anAnnouncementIsNotFollowed(t *testing.T) {
	cluster, client := ailing(t)
	stream := held(t, client)
	moveTo(t, cluster, client, e6.Green)
	cluster.Announce(e6.Blue) // the stream on the old side receives it
	for range 100 {
		require.True(t, stream.Next())
	}
	received := published[events.AnnouncementReceived](client)
	late := received[len(received)-1]
	require.Equal(t, events.AnnouncementReceived{Source: e6.Blue, Target: e6.Blue, Reason: late.Reason}, late)
	require.Contains(t, late.Reason, "not to the active side")
	require.Equal(t, e6.Green, client.Strategy().Active)
}

func anUnknownSideIsAnnounced(t *testing.T) {
	cluster, client := ailing(t)
	cluster.Inject(e6test.Fault{Method: "prepareStatement", Action: e6test.Announce, Message: "purple"})
	answer(t, client)
	require.Equal(t, []events.AnnouncementInvalid{{Source: e6.Blue, Value: "purple"}}, published[events.AnnouncementInvalid](client))
	require.Equal(t, slog.LevelWarn, loudest(client, events.KindAnnouncementInvalid))
	require.Equal(t, fsm.StateBlue, client.Strategy().State)
}

// peakHours is a guard that allows nothing.
type peakHours struct{}

func (peakHours) Guard(context.Context, *hook.Proposal) hook.Decision { return hook.Veto("peak hours") }
func (peakHours) String() string                                      { return "peak hours" }

func aGuardVetoes(t *testing.T) {
	cluster, client := ailing(t, e6.WithGuard(peakHours{}))
	moveTo(t, cluster, client, e6.Green)
	require.Equal(t, fsm.StateBlue, client.Strategy().State)
	require.Equal(t, "veto: peak hours", client.Strategy().Cause.String())
	decided := published[events.GuardDecided](client)
	require.Equal(t, events.GuardDecided{Guard: "peak hours", Target: e6.Green, Decision: "veto", Reason: "peak hours"}, decided[0])
	require.ErrorIs(t, client.Switch(t.Context(), e6.Green), e6.ErrVetoed)
	elapse(time.Minute)
	answer(t, client)
	require.Len(t, published[events.GuardDecided](client), 3, "the announcement is repeated, and the guard runs again")

	cluster.CloseSide(e6.Blue)
	answer(t, client)
	require.Equal(t, e6.Green, client.Strategy().Active, "the only side that is left cannot be vetoed")

	cluster, client = ailing(t, e6.WithGuard(lateVeto{}))
	moveTo(t, cluster, client, e6.Green)
	cluster.CloseSide(e6.Blue) // while the guard thinks
	answer(t, client)
	require.True(t, published[events.GuardDecided](client)[0].Overruled)
	require.Equal(t, e6.Green, client.Strategy().Active)
}

// lateVeto is a guard that vetoes when its context ends.
type lateVeto struct{}

func (lateVeto) Guard(ctx context.Context, _ *hook.Proposal) hook.Decision {
	<-ctx.Done()
	return hook.Veto("too late")
}

// limits keeps the limit of each cutover and how it ended.
type limits struct {
	limit time.Duration
	ended []hook.CutoverEnd
}

func (l *limits) CutoverStart(ctx context.Context, s hook.CutoverStart) context.Context {
	if s.From != e6.None {
		l.limit = s.Limit
	}
	return ctx
}
func (l *limits) CutoverEnd(_ context.Context, e hook.CutoverEnd) {
	if e.Result != "settled" { // on first use
		l.ended = append(l.ended, e)
	}
}

func aCutoverIsLong(t *testing.T) {
	seen := &limits{}
	cluster, client := ailing(t, e6.WithCutoverHook(seen))
	stream := held(t, client)
	moveTo(t, cluster, client, e6.Green)
	elapse(14 * time.Minute)
	require.Equal(t, 25*time.Minute, seen.limit)
	health := client.Health()
	require.True(t, health.Ready)
	require.Equal(t, "draining", health.Strategy.Phase)
	require.Equal(t, 14*time.Minute, time.Since(health.Strategy.Since))
	require.Equal(t, int64(1), health.Sides[0].InFlight)
	require.NoError(t, stream.Close())
	synctest.Wait()
	require.Equal(t, []events.DrainEnded{{Side: e6.Blue, Result: "drained", Took: 14 * time.Minute}}, published[events.DrainEnded](client))
	require.Equal(t, "drained", seen.ended[0].Result)

	cluster, client = ailing(t, e6.WithCutoverHook(seen), e6.WithSelector(hook.NewPinSide(e6.Blue))) // the pin is not released
	moveTo(t, cluster, client, e6.Green)
	elapse(30*time.Minute - time.Second)
	require.Equal(t, 55*time.Minute, seen.limit)
	require.Equal(t, "shared", client.Health().Strategy.Phase)
	before := calls(cluster, "prepareStatement", e6.Green)
	answer(t, client)
	require.Equal(t, before, calls(cluster, "prepareStatement", e6.Green))
	elapse(time.Second)
	require.Equal(t, fsm.StateGreen, client.Strategy().State)
}

func theDrainDeadlinePasses(t *testing.T) {
	cluster, client := ailing(t)
	stream := held(t, client)
	moveTo(t, cluster, client, e6.Green)
	elapse(15 * time.Minute)
	require.Equal(t, []events.DrainEnded{{Side: e6.Blue, Result: "deadline", Remaining: 1, Took: 15 * time.Minute}}, published[events.DrainEnded](client))
	require.Equal(t, fsm.StateGreen, client.Strategy().State)
	require.Equal(t, slog.LevelWarn, loudest(client, events.KindTransition))
	require.Equal(t, int64(4999), drain(stream))
	require.NoError(t, stream.Err(), "the deadline ends the transition, not the query")
}

func twoClientsDiffer(t *testing.T) {
	cluster, busy := ailing(t)
	idle := patient(t, cluster, nil)
	moveTo(t, cluster, busy, e6.Green)
	require.Equal(t, e6.Green, busy.Strategy().Active)
	require.Equal(t, e6.Blue, idle.Strategy().Active, "it has received no announcement")
	answer(t, idle)
	synctest.Wait()
	require.Equal(t, e6.Green, idle.Strategy().Active)

	cluster.ClearAnnouncement()
	shared := &store.Memory{}
	one, two := patient(t, cluster, nil, e6.WithStore(shared)), patient(t, cluster, nil, e6.WithStore(shared))
	require.NoError(t, one.Switch(t.Context(), e6.Green))
	synctest.Wait()
	require.Equal(t, e6.Green, two.Strategy().Active, "without a call of its own")
	require.Equal(t, fsm.ReasonStore, published[events.Transition](two)[2].Cause.Reason)
}
