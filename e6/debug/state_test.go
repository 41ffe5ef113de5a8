package debug

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/internal/bubbles"
)

func TestState_HasEveryStepOfACutover(t *testing.T) {
	cluster, client := open(t)
	h := Handler(client)
	before := stateOf(t, h)
	require.False(t, before.Closed)
	require.Equal(t, "blue", before.Strategy.State)
	require.True(t, before.Health.Ready)
	require.Equal(t, "orders", before.Health.Cluster)
	require.Equal(t, []string{"detect", "settle"}, triggers(before.Transitions))
	require.NotNil(t, before.Samples, "a list without entries is a list")

	rows, err := client.Query(e6.WithQueryOptions(t.Context(), e6.Replay(e6.ReplayNever)), "SELECT * FROM numbers(100000)")
	require.NoError(t, err)
	require.True(t, rows.Next(), "from here on it cannot be replayed")
	require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Graceful, Grace: time.Millisecond}))
	for rows.Next() {
	}
	require.Error(t, rows.Err())
	require.NoError(t, rows.Close())
	_, err = client.QueryAll(t.Context(), "SELECT 1")
	require.NoError(t, err)

	after := stateWhen(t, h, func(s State) bool {
		return s.Transitions[len(s.Transitions)-1].To == "green" && find(s.Events, events.KindQueryLost).Seq != 0
	})
	require.Equal(t, "green", after.Strategy.State)
	require.Equal(t, after.Health.Strategy, after.Strategy)
	require.Equal(t, after.Health.Queries, after.Stats)
	require.Equal(t, int64(1), after.Stats.Lost)
	require.NotEmpty(t, after.Health.LastErrors)
	require.Equal(t, before.Transitions, after.Transitions[:2])
	last := after.Transitions[len(after.Transitions)-1]
	require.Equal(t, "green", last.To)
	require.Equal(t, "green", last.Active)
	require.NotEmpty(t, last.Reason)
	require.WithinDuration(t, time.Now(), last.Time, time.Minute)

	for i, e := range after.Events {
		require.Equal(t, uint64(i+1), e.Seq)
		require.NotEmpty(t, e.Text)
		require.NotEmpty(t, e.Component)
		require.Equal(t, e.Kind == string(events.KindTransition), e.Transition != nil)
	}
	lost := find(after.Events, events.KindQueryLost)
	require.Equal(t, "ERROR", lost.Level)
	require.Contains(t, lost.Text, rows.Handle().QueryID)
}

func TestState_OfAClosedClientIsClosed(t *testing.T) {
	_, client := open(t)
	h := Handler(client)
	require.NoError(t, client.Close())
	s := stateOf(t, h)
	require.True(t, s.Closed)
	require.False(t, s.Health.Ready)
	require.Equal(t, string(events.KindClosed), s.Events[len(s.Events)-1].Kind)
	require.True(t, stateOf(t, Handler(client)).Closed, "also if the page came too late")
}

func TestState_KeepsMoreStepsThanTheClientsHistory(t *testing.T) {
	_, client := open(t, func(c *e6.Config) { c.EventHistory = 3 })
	h := Handler(client)
	for range 4 {
		require.NoError(t, client.Reset(t.Context()))
		_, err := client.QueryAll(t.Context(), "SELECT 1")
		require.NoError(t, err)
	}
	s := stateWhen(t, h, func(s State) bool {
		return len(s.Transitions) >= 12 && s.Transitions[len(s.Transitions)-1].Trigger == "settle"
	})
	require.Len(t, s.Events, 3)
	// Opening has made two steps, of which the handler has come in time for those
	// that were still kept.
	require.GreaterOrEqual(t, len(s.Transitions), 12)
	all := triggers(s.Transitions)
	require.Equal(t, []string{"reset", "detect", "settle"}, all[len(all)-3:])
	for i := 1; i < len(s.Transitions); i++ {
		require.Greater(t, s.Transitions[i].Seq, s.Transitions[i-1].Seq)
	}
}

func TestState_DropsTheOldestSteps(t *testing.T) {
	var all []Transition
	for seq := range uint64(3 * maxSteps) {
		all = merge(all, []Transition{{Seq: seq + 1}}, maxSteps)
	}
	require.Len(t, all, maxSteps)
	require.Equal(t, uint64(3*maxSteps), all[maxSteps-1].Seq)
	require.Equal(t, all, merge(all, all, maxSteps), "what is there already is not added")
}

func TestState_HasASamplePerSecondOfTheLastTenMinutes(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		cluster, err := e6test.Start(e6test.InMemory())
		require.NoError(t, err)
		defer cluster.Close()
		client, err := e6.Open(t.Context(), e6.Config{Address: cluster.Addr(), User: "user@example.com", Token: token}, e6.WithDialer(cluster.Dialer()))
		require.NoError(t, err)
		defer client.Close()
		h := Handler(client)
		begin := time.Now()
		cluster.SetLatency(e6.Blue, time.Millisecond)
		for range 10 {
			_, err := client.QueryAll(t.Context(), "SELECT 1")
			require.NoError(t, err)
		}
		<-time.After(time.Until(begin.Add(1500 * time.Millisecond)))
		samples := stateOf(t, h).Samples
		require.Len(t, samples, 1)
		require.True(t, begin.Add(time.Second).Equal(samples[0].Time))
		require.Equal(t, "blue", samples[0].State)
		require.Equal(t, "blue", samples[0].Active)
		require.InDelta(t, 10, samples[0].Blue.PerSecond, 0.001)
		require.Positive(t, samples[0].Blue.P50)
		require.GreaterOrEqual(t, samples[0].Blue.P99, samples[0].Blue.P50)
		require.Equal(t, SideSample{}, samples[0].Green)

		<-time.After(time.Second)
		samples = stateOf(t, h).Samples
		require.Len(t, samples, 2)
		require.Zero(t, samples[1].Blue.PerSecond)

		<-time.After(20 * time.Minute)
		samples = stateOf(t, h).Samples
		require.Len(t, samples, maxSamples)
		require.Equal(t, 599*time.Second, samples[maxSamples-1].Time.Sub(samples[0].Time))
	})
}

// Secrets of a query and a user are planted, and looked for in all
// responses of the handler.
func TestState_HasNoSecret(t *testing.T) {
	cluster, client := open(t)
	h := Handler(client)
	const planted = "planted_in_the_statement"
	statements := []string{"SELECT * FROM " + planted, "FAIL " + planted, "INSERT INTO " + planted + " VALUES (1)"}
	for _, sql := range statements {
		_, _ = client.QueryAll(t.Context(), sql)
	}
	rows, err := client.Query(e6.WithQueryOptions(t.Context(), e6.Replay(e6.ReplayNever)), "SELECT * FROM numbers(7654321)")
	require.NoError(t, err)
	require.True(t, rows.Next())
	cluster.ExpireSessions()
	require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt, EngineGone: true}))
	for rows.Next() {
	}
	require.Error(t, rows.Err())
	require.NoError(t, rows.Close())
	_, err = client.QueryAll(t.Context(), "INSERT INTO "+planted+" VALUES (2)")
	require.NoError(t, err)

	stateWhen(t, h, func(s State) bool {
		return s.Strategy.State == "green" && find(s.Events, events.KindQueryLost).Seq != 0
	})
	sessions := cluster.Stats().CallsBySession
	require.NotEmpty(t, sessions)
	for _, name := range []string{"state.json", "", "page.js"} {
		body := get(t, h, http.MethodGet, "/"+name).Body.String()
		for _, secret := range []string{token, "user-of-the-test", planted, "7654321"} {
			require.NotContains(t, body, secret)
		}
		for session := range sessions {
			require.NotContains(t, body, session)
		}
	}
}

func TestState_TheTagOfAQueryIsNeverMarkup(t *testing.T) {
	cluster, client := open(t)
	h := Handler(client)
	const tag = `</script><img src=x onerror="alert(1)">&amp;` + "\u2028"
	ctx := e6.WithQueryOptions(t.Context(), e6.Tag(tag))
	require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}))
	_, err := client.QueryAll(ctx, "SELECT 1")
	require.NoError(t, err)

	s := stateWhen(t, h, func(s State) bool { return find(s.Events, events.KindRefused).Seq != 0 })
	require.Contains(t, find(s.Events, events.KindRefused).Text, "</script><img", "as data it is unchanged")
	w := get(t, h, http.MethodGet, "/state.json")
	require.Equal(t, "application/json", w.Header().Get("Content-Type"))
	body := w.Body.String()
	require.NotContains(t, body, "<")
	require.NotContains(t, body, ">")
	require.NotContains(t, body, "\u2028")
	require.Contains(t, body, `\u003c/script\u003e\u003cimg src=x`)
	require.NotContains(t, get(t, h, http.MethodGet, "/").Body.String(), "onerror")
}

func triggers(all []Transition) (names []string) {
	for _, t := range all {
		names = append(names, t.Trigger)
	}
	return names
}

func find(all []Event, kind events.Kind) Event {
	for _, e := range all {
		if e.Kind == string(kind) {
			return e
		}
	}
	return Event{}
}
