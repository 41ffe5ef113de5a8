package e6_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

// A symptom is a heading of docs/troubleshooting.md and the trouble that it is
// about, which shows what the document says one can see.
type symptom struct {
	heading   string
	reproduce func(*testing.T)
}

// symptoms are in the order of the document.
var symptoms = []symptom{
	{"The configuration is refused", theConfigurationIsRefused},
	{"Wrong credentials", wrongCredentials},
	{"TLS or the CA is wrong", theCAIsWrong},
	{"A detection fails", aDetectionFails},
	{"Queries wait during a cutover", queriesWait},
	{"The announced side never becomes ready", theAnnouncedSideIsNeverReady},
	{"An announcement is not followed", anAnnouncementIsNotFollowed},
	{"An unknown side is announced", anUnknownSideIsAnnounced},
	{"A guard vetoes", aGuardVetoes},
	{"A cutover takes longer than its limit", aCutoverIsLong},
	{"The drain deadline passes", theDrainDeadlinePasses},
	{"Two clients use different sides", twoClientsDiffer},
	{"Refusals (456)", refusalsRise},
	{"Replays rise", replaysRise},
	{"Lost queries", aStreamIsLost},
	{"A write has an unknown outcome", aWriteIsUnknown},
	{"A query is left behind", aQueryIsLeftBehind},
	{"The ingress does not know 456", theIngressIsStrange},
	{"A rollback happened", aRollbackHappened},
	{"The client stays in cool-down", theClientCoolsDown},
	{"A sick side is not left", aSickSideIsNotLeft},
	{"The cluster is suspended", theClusterIsSuspended},
	{"Sessions expire", sessionsExpire},
	{"A hook fails", aHookFails},
	{"Events were dropped", eventsWereDropped},
	{"The store fails", theStoreFails},
	{"A message is too large", aMessageIsTooLarge},
	{"The client is closed", theClientIsClosed},
}

func TestASymptomShowsAsTheDocumentSays(t *testing.T) {
	for _, s := range symptoms {
		t.Run(s.heading, func(t *testing.T) {
			if s.heading == "TLS or the CA is wrong" { // a handshake needs a socket
				s.reproduce(t)
				return
			}
			synctest.Test(t, s.reproduce)
		})
	}
}

func TestEverySymptomOfTheDocumentIsReproduced(t *testing.T) {
	var headings, reproduced []string
	for _, m := range regexp.MustCompile(`(?m)^## (.+)$`).FindAllStringSubmatch(document(t, "troubleshooting.md"), -1) {
		headings = append(headings, m[1])
	}
	for _, s := range symptoms {
		reproduced = append(reproduced, s.heading)
	}
	require.Equal(t, reproduced, headings)
}

func TestTheDocumentsNameWhatThereIs(t *testing.T) {
	names := func(text, pattern string) (found []string) {
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
			found = append(found, m[1])
		}
		require.NotEmpty(t, found, pattern)
		return found
	}
	rules, trouble := document(t, "rules.md"), document(t, "troubleshooting.md")
	var source string
	for _, pattern := range []string{"*_test.go", "internal/*/*_test.go", "events/*_test.go", "fsm/*_test.go"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range files {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			source += string(text)
		}
	}
	for _, name := range names(rules, "`(Test[A-Za-z0-9]+)") {
		require.Contains(t, source, "func "+name+"(", "rules.md names a test that there is not")
	}
	for _, field := range names(rules+trouble, "`Config\\.([A-Za-z]+)") {
		_, ok := reflect.TypeFor[e6.Config]().FieldByName(field)
		require.True(t, ok, "Config.%s", field)
	}
	for _, field := range names(rules+trouble, "`RollbackPolicy\\.([A-Za-z]+)") {
		_, ok := reflect.TypeFor[e6.RollbackPolicy]().FieldByName(field)
		require.True(t, ok, "RollbackPolicy.%s", field)
	}
	for _, kind := range names(trouble, "event `([a-z_]+)") {
		require.Contains(t, events.AllKinds(), events.Kind(kind))
	}
}

func document(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", name))
	require.NoError(t, err)
	return string(text)
}

// patient opens a client with the default pauses. The configuration may be
// changed first.
func patient(t *testing.T, cluster *e6test.Cluster, change func(*e6.Config), opts ...e6.Option) *e6.Client {
	t.Helper()
	cfg := config(cluster)
	defaults(&cfg)
	if change != nil {
		change(&cfg)
	}
	client, err := e6.Open(t.Context(), cfg, append(opts, e6.WithDialer(cluster.Dialer()))...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return client
}

// ailing is patient with a cluster of its own, whose batches are small.
func ailing(t *testing.T, opts ...e6.Option) (*e6test.Cluster, *e6.Client) {
	t.Helper()
	cluster := start(t, e6test.InMemory(), e6test.WithBatchRows(10), e6test.WithChunks(1))
	return cluster, patient(t, cluster, nil, opts...)
}

// moveTo opens a side, announces it, and lets the client hear of it.
func moveTo(t *testing.T, cluster *e6test.Cluster, client *e6.Client, side e6.Side) {
	t.Helper()
	cluster.OpenSide(side)
	cluster.Announce(side)
	answer(t, client)
	synctest.Wait()
}

// held begins a stream on the active side and reads one row of it.
func held(t *testing.T, client *e6.Client) *e6.Rows {
	t.Helper()
	rows, err := client.Query(tagged(t.Context(), "export"), "SELECT * FROM numbers(5000)")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, rows.Close()) })
	require.True(t, rows.Next())
	return rows
}

// loudest is the event of one kind that a log shows most clearly.
func loudest(client *e6.Client, kind events.Kind) (level slog.Level) {
	level = slog.LevelDebug
	for _, e := range client.History() {
		if e.Kind() == kind {
			level = max(level, e.Level())
		}
	}
	return level
}

func theConfigurationIsRefused(t *testing.T) {
	_, err := e6.Open(t.Context(), e6.Config{Address: "https://example.com", Token: "hunter2"}, e6.WithHooks("no hook"))
	refused, ok := errors.AsType[*e6.ConfigError](err)
	require.True(t, ok, "%v", err)
	var fields []string
	for _, p := range refused.Problems {
		fields = append(fields, p.Field)
	}
	require.ElementsMatch(t, []string{"Address", "User", "WithHooks[0]"}, fields)
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
	failed := told[events.ProbeFailed](client)
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
		cfg.DetectionTimeout, cfg.RetryPause = 100*time.Millisecond, time.Millisecond
		_, err := e6.Open(t.Context(), cfg)
		require.ErrorContains(t, err, hint)
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
	require.Contains(t, health.LastErrors[0].What, "detect: ")
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

func theAnnouncedSideIsNeverReady(t *testing.T) {
	cluster, client := ailing(t)
	cluster.Announce(e6.Green)
	answer(t, client)
	elapse(9 * time.Minute)
	health := client.Health()
	require.Equal(t, "preparing", health.Strategy.Phase)
	require.True(t, health.Ready, "the old side serves on")
	require.Contains(t, health.LastErrors[0].What, "prepare: green does not accept")
	elapse(time.Minute)
	require.Equal(t, fsm.StateBlue, client.Strategy().State)
	require.Equal(t, "deadline: green was not ready within 10m0s", client.Strategy().Cause.String())
}

func anAnnouncementIsNotFollowed(t *testing.T) {
	cluster, client := ailing(t)
	stream := held(t, client)
	moveTo(t, cluster, client, e6.Green)
	cluster.Announce(e6.Blue) // the stream hears it, on the side that was left
	for range 100 {
		require.True(t, stream.Next())
	}
	heard := told[events.AnnouncementHeard](client)
	late := heard[len(heard)-1]
	require.Equal(t, events.AnnouncementHeard{Speaker: e6.Blue, Target: e6.Blue, Why: late.Why}, late)
	require.Contains(t, late.Why, "not to the active side")
	require.Equal(t, e6.Green, client.Strategy().Active)
}

func anUnknownSideIsAnnounced(t *testing.T) {
	cluster, client := ailing(t)
	cluster.Inject(e6test.Fault{Method: "prepareStatement", Action: e6test.Announce, Message: "purple"})
	answer(t, client)
	require.Equal(t, []events.AnnouncementInvalid{{Speaker: e6.Blue, Value: "purple"}}, told[events.AnnouncementInvalid](client))
	require.Equal(t, slog.LevelWarn, loudest(client, events.KindAnnouncementInvalid))
	require.Equal(t, fsm.StateBlue, client.Strategy().State)
}

// peakHours is a guard that allows nothing.
type peakHours struct{}

func (peakHours) Guard(context.Context, *e6.Proposal) e6.Decision { return e6.Veto("peak hours") }
func (peakHours) String() string                                  { return "peak hours" }

func aGuardVetoes(t *testing.T) {
	cluster, client := ailing(t, e6.WithHooks(peakHours{}))
	moveTo(t, cluster, client, e6.Green)
	require.Equal(t, fsm.StateBlue, client.Strategy().State)
	require.Equal(t, "veto: peak hours", client.Strategy().Cause.String())
	decided := told[events.GuardDecided](client)
	require.Equal(t, events.GuardDecided{Guard: "peak hours", Target: e6.Green, Decision: "veto", Reason: "peak hours"}, decided[0])
	require.ErrorIs(t, client.Switch(t.Context(), e6.Green), e6.ErrVetoed)
	elapse(time.Minute)
	answer(t, client)
	require.Len(t, told[events.GuardDecided](client), 3, "the announcement is repeated, and judged anew")

	cluster.CloseSide(e6.Blue)
	answer(t, client)
	require.Equal(t, e6.Green, client.Strategy().Active, "the only side that is left cannot be vetoed")
}

// limits keeps the limit of each cutover and how it ended.
type limits struct {
	limit time.Duration
	ended []e6.CutoverEnd
}

func (l *limits) CutoverStart(ctx context.Context, s e6.CutoverStart) context.Context {
	l.limit = s.Limit
	return ctx
}
func (l *limits) CutoverEnd(_ context.Context, e e6.CutoverEnd) { l.ended = append(l.ended, e) }

func aCutoverIsLong(t *testing.T) {
	seen := &limits{}
	cluster, client := ailing(t, e6.WithHooks(seen))
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
	require.Equal(t, []events.DrainEnded{{Side: e6.Blue, Result: "drained", Took: 14 * time.Minute}}, told[events.DrainEnded](client))
	require.Equal(t, "drained", seen.ended[0].Result)
}

func theDrainDeadlinePasses(t *testing.T) {
	cluster, client := ailing(t)
	stream := held(t, client)
	moveTo(t, cluster, client, e6.Green)
	elapse(15 * time.Minute)
	require.Equal(t, []events.DrainEnded{{Side: e6.Blue, Result: "deadline", Remaining: 1, Took: 15 * time.Minute}}, told[events.DrainEnded](client))
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
	require.Equal(t, e6.Blue, idle.Strategy().Active, "nobody has told it")
	answer(t, idle)
	synctest.Wait()
	require.Equal(t, e6.Green, idle.Strategy().Active)

	cluster.ClearAnnouncement()
	shared := &store.Memory{}
	one, two := patient(t, cluster, nil, e6.WithStore(shared)), patient(t, cluster, nil, e6.WithStore(shared))
	require.NoError(t, one.Switch(t.Context(), e6.Green))
	synctest.Wait()
	require.Equal(t, e6.Green, two.Strategy().Active, "without a call of its own")
	require.Equal(t, fsm.ReasonStore, told[events.Transition](two)[2].Cause.Reason)
}

func refusalsRise(t *testing.T) {
	cluster, client := ailing(t)
	require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}))
	answer(t, client)
	require.Equal(t, []events.Refused{{Side: e6.Blue, Method: "prepareStatement"}}, told[events.Refused](client))
	require.Equal(t, []events.QueryRetried{{From: e6.Blue, To: e6.Green, Method: "prepareStatement"}}, told[events.QueryRetried](client))
	for range 10 {
		answer(t, client)
	}
	stats := client.Stats()
	require.Equal(t, map[e6.Side]int64{e6.Blue: 1, e6.Green: 0}, stats.Refused, "one cutover refuses once, and no query failed")
}

func replaysRise(t *testing.T) {
	cluster, client := ailing(t)
	leave(cluster, "getResultMetadata", 1)
	_, err := client.QueryAll(tagged(t.Context(), "report"), "SELECT * FROM numbers(100)")
	require.NoError(t, err)
	replayed := told[events.QueryReplayed](client)[0]
	require.Equal(t, events.QueryReplayed{QueryID: replayed.QueryID, Tag: "report", From: e6.Blue, To: e6.Green, Attempt: 1, Reason: replayed.Reason}, replayed)
	require.Contains(t, replayed.Reason, "456")
	require.Equal(t, int64(1), client.Stats().Replayed)
	require.Equal(t, 2, executions(cluster, "SELECT * FROM numbers(100)"))
}

func aStreamIsLost(t *testing.T) {
	cluster, client := ailing(t)
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
	require.Len(t, told[events.QueryLost](client), 1)
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
	event := told[events.QueryLost](client)[0]
	require.True(t, event.MayHaveRun)
	require.Equal(t, "order 4711", event.Tag)
	require.Equal(t, []int64{7}, engine.Inserted("sales"), "this one has")
}

func aQueryIsLeftBehind(t *testing.T) {
	cluster, client := ailing(t)
	cluster.Inject(e6test.Fault{Side: e6.Blue, Method: "clearOrCancelQuery", Action: e6test.Refuse456})
	answer(t, client)
	left := told[events.QueryAbandoned](client)
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
	require.Contains(t, client.Strategy().Cause.Detail, "unreachable: blue did not answer: prepareStatement on blue")
	require.Zero(t, client.Stats().Refused[e6.Blue], "no 456 was seen")
	require.Equal(t, "refresh", told[events.ProbeFailed](client)[0].Purpose)
	require.Contains(t, told[events.ProbeFailed](client)[0].Error, "502")

	// The engine never had this statement, and nobody can know.
	cluster.Inject(e6test.Fault{Method: "executeStatement", Action: e6test.BadGateway})
	err := client.Exec(t.Context(), "INSERT INTO sales VALUES (7)")
	require.ErrorIs(t, err, e6.ErrQueryLost)
	require.False(t, e6.SafeToReplay(err))
	require.Zero(t, executions(cluster, "INSERT INTO sales VALUES (7)"))
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
	breach := told[events.HealthBreached](client)
	require.Len(t, breach, 1)
	require.Equal(t, e6.Green, breach[0].Side)
	require.Equal(t, "rollback", breach[0].Action)
	require.Equal(t, int64(4), breach[0].Requests)
	require.Contains(t, breach[0].Why, "executions got no answer, which is")
	require.Equal(t, slog.LevelWarn, loudest(client, events.KindHealthBreached))
	var rolledBack int
	for _, step := range told[events.Transition](client) {
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
	before := len(told[events.AnnouncementHeard](client))
	answer(t, client) // blue goes on to name green
	elapse(29 * time.Minute)
	answer(t, client)
	require.Equal(t, e6.Blue, client.Strategy().Active)
	require.Equal(t, time.Minute, client.Health().Sides[1].CoolDown)
	require.Len(t, told[events.AnnouncementHeard](client), before, "what is ignored makes no event")
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
	require.Equal(t, "rollback", told[events.HealthBreached](client)[0].Action, "it is tried")
	require.Equal(t, e6.Green, client.Strategy().Active)
	failed := told[events.ProbeFailed](client)
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

	err = stern.ResumeCluster(t.Context())
	require.ErrorIs(t, err, e6.ErrSuspended)
	require.ErrorContains(t, err, "did not become active within 5m0s")
	progress := told[events.ClusterResume](stern)
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
	require.Equal(t, []events.SessionExpired{{Side: e6.Blue, Generation: 1}}, told[events.SessionExpired](client))
	opened := told[events.SessionOpened](client)
	require.Equal(t, events.SessionOpened{Side: e6.Blue, Generation: 2, Purpose: "session"}, opened[len(opened)-1])
	require.Equal(t, uint64(2), client.Health().Sides[0].Session)
}

// stuck is a hook whose first call does not return before its end, and whose
// next one panics.
type stuck struct {
	end   chan struct{}
	calls int
}

func (h *stuck) QueryStart(ctx context.Context, _ e6.QueryStart) context.Context {
	if h.calls++; h.calls == 1 {
		<-h.end
	} else {
		panic("the secret of a hook")
	}
	return ctx
}
func (h *stuck) QueryEnd(context.Context, e6.QueryEnd) {}
func (h *stuck) String() string                        { return "audit" }

func aHookFails(t *testing.T) {
	hook := &stuck{end: make(chan struct{})}
	_, client := ailing(t, e6.WithHooks(hook))
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
	failed := told[events.HookFailed](client)
	var problems []string
	for _, f := range failed {
		require.Equal(t, "audit", f.Hook)
		require.NotContains(t, f.Detail, "secret")
		problems = append(problems, f.Point+" "+f.Problem)
	}
	require.Equal(t, []string{"query_start overrun", "query_start busy", "query_start panic"}, problems)
	require.Contains(t, client.Health().LastErrors[0].What, "hook audit: panic in query_start")
}

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
	missed, ok := seen[len(seen)-1].Data.(events.Missed)
	require.True(t, ok, "%v", seen)
	require.Equal(t, client.Stats().EventsDropped, missed.Count)
	require.Equal(t, client.Strategy(), missed.Snapshot)
}

// brokenStore is a store that is out of reach.
type brokenStore struct{}

func (brokenStore) Load(context.Context, string) (store.Fact, error) {
	return store.Fact{}, errors.New("no route")
}
func (brokenStore) CompareAndSwap(context.Context, string, uint64, store.Fact) (store.Fact, error) {
	return store.Fact{}, errors.New("no route")
}
func (brokenStore) Watch(context.Context, string, func(store.Fact)) error {
	return errors.New("no route")
}

func theStoreFails(t *testing.T) {
	cluster, client := ailing(t, e6.WithStore(brokenStore{}))
	ops := map[string]bool{}
	for _, f := range told[events.StoreFailed](client) {
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
	require.Equal(t, "a message is too large", call.Class.String())
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
