package e6_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	rec "github.com/e6data/e6data-go/e6/recorder"
	"github.com/e6data/e6data-go/internal/report"
)

// callsWaitForAStream fills the only connection with statements: the event, the recording of
// the client, and the advice in the report of that recording.
func callsWaitForAStream(t *testing.T) {
	cluster := start(t, e6test.InMemory(), e6test.WithMaxStreams(2))
	recorder := rec.Memory()
	client := patient(t, cluster, func(c *e6.Config) { c.MaxConnections = 1 }, e6.WithRecorder(recorder))
	answer(t, client)
	require.NotContains(t, rulesOf(t, recorder), "streams")

	var slow sync.WaitGroup
	for range 2 {
		slow.Go(func() {
			_, err := client.QueryAll(context.WithoutCancel(t.Context()), "SELECT sleep(10000)")
			if err != nil {
				t.Error(err)
			}
		})
	}
	elapse(time.Millisecond)
	short, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
	defer cancel()
	err := client.Exec(short, "SELECT 1")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Positive(t, client.Stats().StreamsWaiting, "the slow statements need more streams too")
	slow.Wait()
	answer(t, client)
	require.Zero(t, client.Stats().StreamsWaiting)

	exhausted := published[events.StreamsExhausted](client)
	require.Len(t, exhausted, 5)
	for i, e := range exhausted[:4] {
		requireWithin(t, time.Second<<i, time.Second, e.Waited)
		require.Positive(t, e.Waiting)
		require.False(t, e.Ended)
	}
	end := exhausted[4]
	requireWithin(t, 10*time.Second, time.Second, end.Waited)
	require.GreaterOrEqual(t, end.MostWaiting, exhausted[0].Waiting)
	require.Equal(t, events.StreamsExhausted{Use: "query", Waited: end.Waited, MostWaiting: end.MostWaiting,
		Connections: 1, MaxConnections: 1, StreamLimit: 2, Ended: true}, end)
	require.Equal(t, slog.LevelWarn, loudest(client, events.KindStreamsExhausted))

	require.NoError(t, client.Close())
	require.Regexp(t, `^up to \d calls waited, 10s without a break, for 1 connection of 2 streams$`, rulesOf(t, recorder)["streams"])
}

// requireWithin checks that d is from, or longer by at most slack.
func requireWithin(t *testing.T, from, slack, d time.Duration) {
	t.Helper()
	require.GreaterOrEqual(t, d, from)
	require.LessOrEqual(t, d, from+slack)
}

// rulesOf are the observations of the rules that apply to a recording, by rule.
func rulesOf(t *testing.T, r *rec.Recorder) map[string]string {
	t.Helper()
	synctest.Wait()
	recording, err := r.Recording()
	require.NoError(t, err)
	found := map[string]string{}
	for _, f := range report.New(report.Options{}, report.Source{Name: "client", Recording: recording}).Findings {
		found[f.Rule] = f.Observed
	}
	return found
}
