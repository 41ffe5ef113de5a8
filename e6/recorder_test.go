package e6_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	rec "github.com/e6data/e6data-go/e6/recorder"
)

// openRecorded opens a client with a recorder. Close checks it by a replay.
func openRecorded(t *testing.T, cluster *e6test.Cluster, r *rec.Recorder) *e6.Client {
	t.Helper()
	client, err := e6.Open(t.Context(), config(cluster), e6.WithDialer(cluster.Dialer()), e6.WithRecorder(r))
	require.NoError(t, err)
	return client
}

func TestRecorder_HoldsACutoverAndNoSecret(t *testing.T) {
	for _, kind := range []e6test.CutoverKind{e6test.Graceful, e6test.Abrupt} {
		t.Run(kind.String(), func(t *testing.T) {
			cluster := start(t)
			path := filepath.Join(t.TempDir(), "e6.rec")
			client := openRecorded(t, cluster, rec.File(path))
			query := func() {
				_, err := client.QueryAll(within(t, 0), "SELECT * FROM numbers(123)")
				require.NoError(t, err)
			}
			query()
			done := make(chan error, 1)
			go func() {
				done <- cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: kind, Grace: 50 * time.Millisecond})
			}()
			for client.Strategy().State != fsm.StateGreen {
				query()
			}
			require.NoError(t, <-done)
			ids := queryIDs(client)
			require.NoError(t, client.Close())

			recording, err := rec.Read(path)
			require.NoError(t, err)
			var active []fsm.Side
			var outcomes []string
			seen := make(map[events.Kind]bool)
			for _, e := range recording.Entries {
				switch d := e.Data.(type) {
				case fsm.Transition:
					active = append(active, d.After.Active)
				case rec.Query:
					outcomes = append(outcomes, d.Outcome())
					require.NotEmpty(t, d.ID)
				case rec.Event:
					seen[d.Kind] = true
				}
			}
			require.Contains(t, active, e6.Blue)
			require.Equal(t, e6.Green, active[len(active)-1])
			require.Subset(t, []string{"ok", "retried", "replayed"}, outcomes) // on a slow machine a query outlasts the grace
			require.True(t, seen[events.KindStrategyChanged] && seen[events.KindSessionOpened] && seen[events.KindClosed], "%v", seen)
			steps := 0
			for step, err := range recording.Replay() {
				require.NoError(t, err)
				require.Empty(t, step.Difference, "%s %s", step.Message, step.Fields)
				steps++
			}
			require.Greater(t, steps, 3)

			image, err := os.ReadFile(path)
			require.NoError(t, err)
			for _, secret := range append(ids, "numbers(123)", "secret-token", "SELECT") {
				require.False(t, strings.Contains(string(image), secret), "%q is in the record", secret)
			}
		})
	}
}

// queryIDs are the ids in the events of a client, which a record has as hashes only.
func queryIDs(client *e6.Client) (ids []string) {
	for _, e := range client.History() {
		for _, a := range e.Attrs() {
			if a.Key == "query_id" {
				ids = append(ids, a.Value.String())
			}
		}
	}
	return ids
}

func TestWithRecorder_OpenFailsIfTheFileIsInUse(t *testing.T) {
	cluster := start(t)
	path := filepath.Join(t.TempDir(), "e6.rec")
	client := openRecorded(t, cluster, rec.File(path))
	_, err := e6.Open(t.Context(), config(cluster), e6.WithDialer(cluster.Dialer()), e6.WithRecorder(rec.File(path)))
	require.ErrorIs(t, err, rec.ErrInUse)
	require.NoError(t, client.Close())
	require.NoError(t, openRecorded(t, cluster, rec.File(path)).Close(), "the file is free after Close")
}
