package e6_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/bubbles"
)

// beforeProbeTimeout is less than the default ProbeTimeout of 10 s.
const beforeProbeTimeout = 8 * time.Second

func TestLogin_OneLostResponseHoldsUpNoQuery(t *testing.T) {
	for _, lost := range []int{1, 2} {
		t.Run(fmt.Sprintf("%d responses are lost", lost), func(t *testing.T) {
			bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				cluster.ExpireSessions()
				cluster.Inject(e6test.Fault{Method: "authenticate", Action: e6test.Hang, Times: lost})
				before := calls(cluster, "authenticate")
				require.NoError(t, together(64, func(i int) error {
					ctx, cancel := context.WithTimeout(t.Context(), beforeProbeTimeout)
					defer cancel()
					return client.Exec(ctx, fmt.Sprintf("INSERT INTO sales VALUES (%d)", i))
				}))
				require.Equal(t, 1+lost, calls(cluster, "authenticate")-before)
				require.Equal(t, fsm.StateBlue, client.Strategy().State)
				require.Zero(t, client.Stats().Retried, "no statement started over")
				require.Len(t, published[events.SessionOpened](client), 2, "Open's, and the one that all share")
				requireIdle(t, client)
			})
		})
	}
}

func TestLogin_OneLostResponseDelaysNoChangeOfSides(t *testing.T) {
	for kind, cut := range map[string]func(cluster *e6test.Cluster){
		"an announced cutover": func(cluster *e6test.Cluster) {
			cluster.OpenSide(e6.Green)
			cluster.Announce(e6.Green)
		},
		"an abrupt cutover": func(cluster *e6test.Cluster) {
			cluster.CloseSide(e6.Blue)
			cluster.OpenSide(e6.Green)
		},
	} {
		t.Run(kind, func(t *testing.T) {
			bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				answer(t, client)
				cluster.Inject(e6test.Fault{Side: e6.Green, Method: "authenticate", Action: e6test.Hang})
				cut(cluster)
				ctx, cancel := context.WithTimeout(t.Context(), beforeProbeTimeout)
				defer cancel()
				require.NoError(t, client.Exec(ctx, "INSERT INTO sales VALUES (1)"))
				elapse(beforeProbeTimeout)
				require.Equal(t, e6.Green, client.Strategy().Active)
			})
		})
	}
}

func TestLogin_OneLostResponseDelaysNoOpen(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		cluster := start(t, e6test.InMemory())
		cluster.Inject(e6test.Fault{Side: e6.Blue, Method: "authenticate", Action: e6test.Hang})
		ctx, cancel := context.WithTimeout(t.Context(), beforeProbeTimeout)
		defer cancel()
		cfg := config(cluster)
		defaults(&cfg)
		client, err := e6.Open(ctx, cfg, e6.WithDialer(cluster.Dialer()))
		require.NoError(t, err)
		require.NoError(t, client.Close())
	})
}

func TestLogin_ASlowSessionStoreIsNotGivenUp(t *testing.T) {
	bubble(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		cluster.ExpireSessions()
		slow := 9 * time.Second // ProbeTimeout is 10
		cluster.Inject(e6test.Fault{Method: "authenticate", Action: e6test.DelayBefore, Delay: slow, Times: -1})
		began, before := time.Now(), calls(cluster, "authenticate")
		require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
		require.Equal(t, slow, time.Since(began), "the first call is not abandoned for those after it")
		require.LessOrEqual(t, calls(cluster, "authenticate")-before, 4)
	})
}
