package main

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/internal/bubbles"
)

func TestFleetWait_SucceedsWhenEveryClientHasLeft(t *testing.T) {
	t.Run("etcd", func(t *testing.T) { everyClientLeaves(t, newCrew(t, 3)) })
	t.Run("files", func(t *testing.T) {
		dir := t.TempDir()
		files, err := store.OpenFile(store.FileOptions{Dir: dir})
		require.NoError(t, err)
		everyClientLeaves(t, crewWith(t, 3, files, "file:"+dir))
	})
}

func everyClientLeaves(t *testing.T, c *crew) {
	c.allOn(fsm.Blue)
	// A query on blue is not read yet.
	handle, err := c.clients[0].Submit(t.Context(), "SELECT 1")
	require.NoError(t, err)
	require.Equal(t, e6.Blue, handle.Side)
	c.announce(fsm.Green)
	gate := begin(t, "fleet", "wait", "--drained", "blue", "--grace", "0", "--store", c.url, "--address", c.cluster.Addr())
	gate.waitFor(`(?m)^blue is not drained; active: 1$`)
	rows, err := c.clients[0].Fetch(t.Context(), handle)
	require.NoError(t, err)
	require.NoError(t, rows.Close())
	require.Equal(t, 0, gate.end())
	gate.waitFor(`(?m)^blue is drained; green is active, epoch \d+; clients: 3$`)
}

// waited runs "e6 fleet wait --drained blue" for at most a minute of a bubble, and returns
// its output, its message and its exit code.
func waited(s store.Store, f waitFlags) (out, message string, code int) {
	var b strings.Builder
	a := &app{out: &b, errOut: io.Discard}
	ctx, cancel := context.WithTimeoutCause(context.Background(), time.Minute, errTimeout)
	defer cancel()
	f.drained.Side = fsm.Blue
	err := cause(ctx, a.waitForDrain(ctx, s, "c", f))
	code = exitCode(context.Background(), err)
	return b.String(), describe(err, code), code
}

func TestFleetWait_NamesTheMissingClients(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		var s store.Memory
		_, err := s.CompareAndSwap(t.Context(), "c", 0, store.Record{Active: fsm.Green})
		require.NoError(t, err)
		busy, err := s.Join("c", store.Client{ID: "one", Program: "ingest", Host: "host-a", Version: "v1"})
		require.NoError(t, err)
		busy.Show(store.Status{Side: fsm.Green, State: fsm.StateGreen, InFlight: 2, Seen: 1})
		out, message, code := waited(&s, waitFlags{})
		require.Equal(t, exitTimeout, code)
		require.Equal(t, "--timeout has passed: store: drain blue: 1 clients are missing: ingest on host-a (one): 2 queries in flight", message)
		require.Equal(t, "blue is not drained; in_flight: 1\n", out)

		out, _, code = waited(&s, waitFlags{asJSON: true})
		require.Equal(t, exitTimeout, code)
		var status store.DrainStatus
		require.NoError(t, json.Unmarshal([]byte(out), &status))
		require.False(t, status.Drained)
		require.Equal(t, store.DrainInFlight, status.Missing[0].Reason)
		require.Equal(t, "one", status.Missing[0].ID)

		// It disappears while the gate waits.
		time.AfterFunc(10*time.Second, func() { _ = busy.Leave(context.Background()) })
		began := time.Now()
		out, _, code = waited(&s, waitFlags{grace: 20 * time.Second})
		require.Equal(t, 0, code)
		require.InDelta(t, 30, time.Since(began).Seconds(), 2)
		require.Equal(t, `blue is not drained; clients that were lost before this wait began are waited for, 20s in total; in_flight: 1
blue is not drained; clients that were lost before this wait began are waited for, 20s in total; lost: 1
blue is not drained; lost: 1
blue is drained; green is active, epoch 0; clients: 0
disappeared without a report: ingest on host-a (one)
`, out)
		out, _, code = waited(&s, waitFlags{asJSON: true})
		require.Equal(t, 0, code)
		require.NoError(t, json.Unmarshal([]byte(out), &status))
		require.True(t, status.Drained)
	})
}
