package e6_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
)

// lockedBuffer is a buffer that many goroutines write to.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// eventful takes a client through most of what can happen to it, and returns
// the errors that it gave.
func eventful(t *testing.T, cluster *e6test.Cluster, client *e6.Client) error {
	ctx := within(t, 20*time.Second)
	const secret = "SELECT sleep(5)" // stands for a statement that nobody may read
	var errs []error
	keep := func(err error) { errs = append(errs, err) }
	keep(client.Exec(ctx, "FAIL badly"))
	keep(client.Exec(ctx, secret))
	cluster.ExpireSessions()
	keep(client.Exec(ctx, secret))
	cluster.Suspend()
	keep(client.Exec(ctx, secret))
	undo := cluster.Inject(e6test.Fault{Method: "authenticate", Action: e6test.BadGateway})
	cluster.ExpireSessions()
	keep(client.Exec(ctx, secret))
	undo()
	cluster.Inject(e6test.Fault{Method: "prepareStatement", Action: e6test.Announce, Message: "purple"})
	keep(client.Exec(ctx, secret))
	leave(cluster, "getResultMetadata", 1)
	keep(client.Exec(ctx, "INSERT INTO sales VALUES (7)"))
	keep(client.Exec(ctx, secret))
	require.NoError(t, cluster.Cutover(ctx, e6test.Cutover{To: e6.Green, Kind: e6test.Graceful}))
	keep(client.Exec(ctx, secret))
	requireIdle(t, client)
	return errors.Join(errs...)
}

func TestTheLogHasOneRecordForEachEventAndNoSecret(t *testing.T) {
	const token = "the-planted-token"
	cluster := start(t, e6test.WithCredentials("user@example.com", token))
	out := &lockedBuffer{}
	cfg := config(cluster)
	cfg.Token = token
	logger := slog.New(slog.NewJSONHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	client, err := e6.Open(t.Context(), cfg, e6.WithLogger(logger), e6.WithDialer(cluster.Dialer()))
	require.NoError(t, err)
	defer func() { require.NoError(t, client.Close()) }()
	failures := eventful(t, cluster, client)
	require.Error(t, failures)

	history := client.History()
	ready(t, "the log is written", func() bool {
		return strings.Contains(out.String(), fmt.Sprintf(`"seq":%d`, history[len(history)-1].Seq))
	})
	logged := map[uint64]int{}
	levels := map[string]string{}
	for line := range strings.Lines(out.String()) {
		var record struct {
			Level, Msg, Event string
			Seq               uint64
		}
		require.NoError(t, json.Unmarshal([]byte(line), &record))
		if record.Seq == 0 {
			continue // not about an event
		}
		require.NotEmpty(t, record.Msg)
		logged[record.Seq]++
		levels[record.Event] = record.Level
	}
	for _, e := range history {
		require.Equal(t, 1, logged[e.Seq], "event %s", e)
	}
	require.Equal(t, "ERROR", levels["query_lost"])
	require.Equal(t, "WARN", levels["query_abandoned"])
	require.Equal(t, "WARN", levels["announcement_invalid"])
	require.Equal(t, "INFO", levels["transition"])
	require.Equal(t, "INFO", levels["cluster_resume"])
	require.Equal(t, "DEBUG", levels["session_opened"])

	// Whatever anyone may see of it holds no secret.
	var seen strings.Builder
	seen.WriteString(out.String())
	for _, e := range history {
		fmt.Fprintf(&seen, "%v\n%+v\n%#v\n", e, e, e.Data)
	}
	fmt.Fprintf(&seen, "%v\n%+v\n", failures, client.Strategy())
	text := seen.String()
	require.NotContains(t, text, token)
	require.NotContains(t, text, "sleep(", "no text of a statement")
	require.NotContains(t, text, "INSERT")
	sessions := cluster.Stats().CallsBySession
	require.NotEmpty(t, sessions)
	for id := range sessions {
		require.NotContains(t, text, id)
	}
}

func TestAClientIsSilentUnlessItIsGivenALogger(t *testing.T) {
	out := &lockedBuffer{}
	before := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug})))
	defer slog.SetDefault(before)
	cluster := start(t)
	client := open(t, cluster)
	require.Error(t, eventful(t, cluster, client))
	require.NoError(t, client.Close())
	require.Empty(t, out.String())
}
