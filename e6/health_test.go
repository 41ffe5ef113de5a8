package e6_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
)

// probe asks the client's handler, as a readiness probe does.
func probe(t *testing.T, client *e6.Client, method string) (int, map[string]any) {
	t.Helper()
	answer := httptest.NewRecorder()
	client.HealthHandler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), method, "/ready", nil))
	var body map[string]any
	if answer.Header().Get("Content-Type") == "application/json" {
		require.Equal(t, "no-store", answer.Header().Get("Cache-Control"))
		require.NoError(t, json.Unmarshal(answer.Body.Bytes(), &body))
	}
	return answer.Code, body
}

func TestAReadinessProbeFollowsTheClient(t *testing.T) {
	hooked(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		code, body := probe(t, client, http.MethodGet)
		require.Equal(t, http.StatusOK, code)
		require.Equal(t, true, body["ready"])
		require.Equal(t, "blue", body["strategy"].(map[string]any)["active"])
		for _, key := range []string{"cluster", "address", "sides", "queries", "last_errors"} {
			require.Contains(t, body, key)
		}
		code, _ = probe(t, client, http.MethodHead)
		require.Equal(t, http.StatusOK, code)
		code, _ = probe(t, client, http.MethodPost)
		require.Equal(t, http.StatusMethodNotAllowed, code)

		cluster.CloseSide(e6.Blue) // no side accepts
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.Error(t, client.Exec(ctx, "SELECT 1"))
		code, body = probe(t, client, http.MethodGet)
		require.Equal(t, http.StatusServiceUnavailable, code)
		require.Equal(t, false, body["ready"])
		require.NotEmpty(t, body["last_errors"])
		require.Equal(t, "detecting", body["strategy"].(map[string]any)["state"])

		cluster.OpenSide(e6.Green)
		require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
		code, _ = probe(t, client, http.MethodGet)
		require.Equal(t, http.StatusOK, code)
		require.NoError(t, client.Close())
		code, _ = probe(t, client, http.MethodGet)
		require.Equal(t, http.StatusServiceUnavailable, code)
	})
}

func TestHealth_OnlyFailuresOfTheStackCount(t *testing.T) {
	for name, c := range map[string]struct {
		fault    e6test.Fault
		sql      string
		cancel   bool
		requests int64
		failures int64
	}{
		"bad SQL":             {e6test.Fault{}, "FAIL badly", false, 1, 0},
		"a cancelled caller":  {e6test.Fault{}, "SELECT sleep(60000)", true, 0, 0},
		"unavailable":         {e6test.Fault{Method: "executeStatement", Action: e6test.Fail, Code: codes.Unavailable}, "INSERT INTO a VALUES (1)", false, 1, 1},
		"a lost answer":       {e6test.Fault{Method: "executeStatement", Action: e6test.BreakAfter}, "INSERT INTO a VALUES (1)", false, 1, 1},
		"a bad gateway":       {e6test.Fault{Method: "executeStatement", Action: e6test.BadGateway}, "INSERT INTO a VALUES (1)", false, 1, 1},
		"a suspended cluster": {e6test.Fault{Method: "prepareStatement", Action: e6test.Refuse503}, "SELECT 1", false, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			hooked(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
				if c.fault.Action != 0 {
					cluster.Inject(c.fault)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute/2)
				defer cancel()
				if c.cancel {
					time.AfterFunc(time.Second, cancel)
				}
				_ = client.Exec(ctx, c.sql)
				blue := client.Health().Sides[0]
				require.Equal(t, c.requests, blue.Requests)
				require.Equal(t, c.failures, blue.Failures)
				<-time.After(2 * time.Minute)
				require.Zero(t, client.Health().Sides[0].Requests, "the window slides")
				require.Equal(t, c.requests, client.Health().Sides[0].Total)
			})
		})
	}
}

func TestHealth_DoesNotCountRefusals(t *testing.T) {
	hooked(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		cluster.OpenSide(e6.Green)
		cluster.CloseSide(e6.Blue)
		require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
		sides := client.Health().Sides
		require.Zero(t, sides[0].Requests)
		require.EqualValues(t, 1, sides[1].Requests)
		require.Zero(t, sides[1].Failures)
		require.EqualValues(t, 2, client.Stats().Refused[e6.Blue], "on the connection of statements, and then on that of control calls")
	})
}

func TestRollback_ByTheCallerSuppressesForTheCoolDown(t *testing.T) {
	hooked(t, func(t *testing.T, cluster *e6test.Cluster, client *e6.Client) {
		require.NoError(t, cluster.Cutover(t.Context(), e6test.Cutover{To: e6.Green, Kind: e6test.Graceful}))
		cluster.OpenSide(e6.Blue)
		use := func() e6.Side {
			require.NoError(t, client.Exec(t.Context(), "SELECT 1"))
			<-time.After(time.Second)
			return side(t, client)
		}
		require.Equal(t, e6.Green, use())
		require.NoError(t, client.Rollback(t.Context(), "reports look wrong"))
		for range 29 * 60 / 20 {
			require.Equal(t, e6.Blue, use(), "although every answer names green")
			<-time.After(19 * time.Second)
		}
		require.InDelta(t, float64(time.Minute), float64(client.Health().Sides[1].CoolDown), float64(time.Minute))
		<-time.After(2 * time.Minute)
		require.Equal(t, e6.Green, use(), "the cool-down is over")

		require.NoError(t, client.Rollback(t.Context(), "again"))
		require.NoError(t, client.Switch(t.Context(), e6.Green), "the caller knows better")
		require.Equal(t, e6.Green, use())
		cluster.CloseSide(e6.Blue)
		require.ErrorContains(t, client.Rollback(t.Context(), "nowhere to go"), "blue does not accept")
		require.Equal(t, e6.Green, use())
	})
}
