package e6_test

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/internal/bubbles"
)

// pingLimit is between a client and a cluster, and limits PINGs as gRPC servers do: one in
// 5 minutes, as long as the server sends nothing. After two that come too early, the next
// one ends the connection.
type pingLimit struct{}

func (pingLimit) dial(dial func(context.Context, string) (net.Conn, error)) func(context.Context, string) (net.Conn, error) {
	return func(ctx context.Context, address string) (net.Conn, error) {
		far, err := dial(ctx, address)
		if err != nil {
			return nil, err
		}
		near, middle := net.Pipe()
		var mu sync.Mutex // of whole frames to the client, and of what follows
		var last time.Time
		early := 0
		go func() {
			defer func() { _ = middle.Close() }()
			frames(far, func(frame []byte) bool {
				mu.Lock()
				defer mu.Unlock()
				if kind := http2.FrameType(frame[3]); kind == http2.FrameHeaders || kind == http2.FrameData {
					last, early = time.Time{}, 0
				}
				_, err := middle.Write(frame)
				return err == nil
			})
		}()
		go func() {
			defer func() { _ = far.Close() }()
			preface := make([]byte, len(http2.ClientPreface))
			if _, err := io.ReadFull(middle, preface); err != nil {
				return
			}
			_, _ = far.Write(preface)
			frames(middle, func(frame []byte) bool {
				if http2.FrameType(frame[3]) == http2.FramePing && !http2.Flags(frame[4]).Has(http2.FlagPingAck) {
					mu.Lock()
					defer mu.Unlock()
					if !last.IsZero() && time.Since(last) < 5*time.Minute {
						early++
					}
					if last = time.Now(); early > 2 {
						_ = http2.NewFramer(middle, nil).WriteGoAway(1<<31-1, http2.ErrCodeEnhanceYourCalm, []byte("too_many_pings"))
						return false
					}
				}
				_, err := far.Write(frame)
				return err == nil
			})
		}()
		return near, nil
	}
}

// pinged opens a client of a cluster that limits PINGs.
func pinged(t *testing.T, change func(*e6.Config)) (*e6test.Cluster, *e6.Client) {
	cluster := start(t, e6test.InMemory())
	cfg := config(cluster)
	if change != nil {
		change(&cfg)
	}
	client, err := e6.Open(t.Context(), cfg, e6.WithDialer(pingLimit{}.dial(cluster.Dialer())))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	return cluster, client
}

const longRead = "SELECT sleep(150000)"

func TestPings_OfTheDefaultSettingsEndNoLongStatement(t *testing.T) {
	for _, sql := range []string{longRead, "SELECT sleep(7200000)"} {
		bubbles.Test(t, func(t *testing.T) {
			cluster, client := pinged(t, nil)
			_, err := client.QueryAll(t.Context(), sql)
			require.NoError(t, err)
			require.Equal(t, 1, executions(cluster, sql))
			require.Zero(t, client.Stats().Replayed)
		})
	}
}

func pingsAreLimited(t *testing.T) {
	cluster, client := pinged(t, func(cfg *e6.Config) { cfg.KeepaliveTime = 10 * time.Second })
	_, err := client.QueryAll(t.Context(), longRead)
	require.NoError(t, err, "a statement that only reads is saved")
	replayed := published[events.QueryReplayed](client)
	require.NotEmpty(t, replayed)
	require.Contains(t, replayed[0].Reason, "too_many_pings")
	require.Contains(t, replayed[0].Reason, "Config.KeepaliveTime")
	require.Equal(t, len(replayed), int(client.Stats().Replayed))
	require.Equal(t, len(replayed)+1, executions(cluster, longRead))
	require.LessOrEqual(t, len(replayed), 3, "gRPC doubles the time after each")
}
