package e6otel_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/bubbles"
)

// TestSignals_OfAChangeAreThoseOfItsTranscript compares every event, span, metric, log
// record, log event, audit record and recorded entry of a change with testdata/signals.
// go test -artifacts keeps the transcripts of a run.
func TestSignals_OfAChangeAreThoseOfItsTranscript(t *testing.T) {
	for name, change := range map[string]struct {
		run  func(t *testing.T, cluster *e6test.Cluster, client *e6.Client)
		opts []e6.Option
	}{
		"graceful":    {run: graceful},
		"abrupt":      {run: abrupt},
		"rolled-back": {run: rolledBack, opts: []e6.Option{e6.WithRollback(e6.RollbackPolicy{MinRequests: 3, ErrorRate: 0.5})}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.ArtifactDir()
			bubbles.Test(t, func(t *testing.T) {
				cluster := start(t, e6test.InMemory(), e6test.WithLatency(10*time.Millisecond), e6test.WithBatchRows(10), e6test.WithChunks(1))
				transcript, client := newTranscript(t, cluster, change.opts...)
				change.run(t, cluster, client)
				require.NoError(t, client.Close())
				got := transcript.text(t)
				require.NoError(t, os.WriteFile(filepath.Join(dir, name+".txt"), []byte(got), 0o600))
				requireTranscript(t, filepath.Join("testdata", "signals", name+".txt"), got)
			})
		})
	}
}

// graceful moves a client that reads a result by an announcement.
func graceful(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
	rows := streams(t.Context(), t, client, "stream", 1)
	<-time.After(time.Second) // it is read ahead
	cluster.OpenSide(fsm.Green)
	cluster.Announce(fsm.Green)
	_, err := client.QueryAll(tagged(t.Context(), "announced"), "SELECT 1")
	require.NoError(t, err)
	<-time.After(time.Second)
	_, err = client.QueryAll(tagged(t.Context(), "on green"), "SELECT 2")
	require.NoError(t, err)
	drain(t, rows[0])
	<-time.After(time.Second)
}

// abrupt moves a client without an announcement, while it reads two results: one is
// continued, and one is lost.
func abrupt(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
	continued := streams(t.Context(), t, client, "continued", 1)[0]
	lost := streams(e6.WithQueryOptions(t.Context(), e6.Replay(e6.ReplayNever)), t, client, "lost", 1)[0]
	for _, rows := range []*e6.Rows{continued, lost} {
		require.True(t, rows.Next())
	}
	<-time.After(time.Second)
	require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: fsm.Green, Kind: e6test.Abrupt, EngineGone: true}))
	_, err := client.QueryAll(tagged(t.Context(), "refused"), "SELECT 1")
	require.NoError(t, err)
	<-time.After(time.Second)
	drain(t, continued)
	<-time.After(time.Second)
	lose(t, lost)
	<-time.After(time.Second)
}

// rolledBack moves a client to a side that fails, and back.
func rolledBack(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
	cluster.OpenSide(fsm.Green)
	cluster.Announce(fsm.Green)
	_, err := client.QueryAll(tagged(t.Context(), "announced"), "SELECT 1")
	require.NoError(t, err)
	<-time.After(time.Second)
	// The responses of the two sides arrive at different instants, so that their order is fixed.
	cluster.Inject(e6test.Fault{Side: fsm.Blue, Times: -1, Action: e6test.DelayBefore, Delay: 5 * time.Millisecond})
	cluster.Inject(e6test.Fault{Side: fsm.Green, Method: "executeStatement", Times: -1, Action: e6test.Fail, Code: codes.Unavailable, Message: "out of executors"})
	for range 3 {
		_, err = client.QueryAll(tagged(t.Context(), "failed"), "INSERT INTO t VALUES (1)")
		require.ErrorContains(t, err, "out of executors")
		<-time.After(time.Second)
	}
	require.Equal(t, fsm.Blue, client.Strategy().Active)
	_, err = client.QueryAll(tagged(t.Context(), "back on blue"), "SELECT 2")
	require.NoError(t, err)
	<-time.After(time.Second)
}
