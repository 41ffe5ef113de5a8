package watch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/cmd/e6/internal/fleet"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/internal/bubbles"
)

func TestScreen_ShowsAFleetOfAnySize(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		now := time.Now()
		f := newFleets([]Fleet{{Cluster: "prod.example.com:443/"}, {Cluster: "dev:80/main"}, {Cluster: "gone:80/"}})
		prod := fleet.State{Cluster: "prod.example.com:443/", Record: store.Record{Version: 3, Active: fsm.Blue, Epoch: 2}}
		for i := range 5 {
			prod.Record.Vetoes = append(prod.Record.Vetoes, store.Veto{Side: fsm.Green, Writer: fmt.Sprint(i), Reason: "it is \x1b[31msick", At: now, Until: now.Add(time.Hour)})
		}
		for i := range 1000 {
			c := store.Client{ID: fmt.Sprint(i), Host: fmt.Sprint("host-", i%40), Program: fmt.Sprint("program-", i%8), Version: "v1.2.0", Side: fsm.Blue, State: fsm.StateBlue}
			if i%8 == 0 && i < 80 {
				c.Side, c.State = fsm.Green, fsm.StateTransitioning
			}
			prod.Clients = append(prod.Clients, c)
		}
		f.states[0] = fleetUpdate{0, prod, nil}
		f.states[2] = fleetUpdate{2, fleet.State{Cluster: "gone:80/"}, errors.New("connection refused")}
		text := ansi.Strip(strings.Join(f.draw(), "\n"))
		want, err := os.ReadFile(filepath.Join("testdata", "fleet.txt"))
		require.NoError(t, err)
		require.Equal(t, string(want), text)

		// It takes its place between the sources and the events.
		p := newPanels([]Source{{Name: "prod"}})
		p.look(0, state("prod"), nil)
		screen := ansi.Strip(p.screen(80, 24, now, f.draw()))
		require.Less(t, strings.Index(screen, "transitioning/draining"), strings.Index(screen, "fleet prod"))
		require.Less(t, strings.Index(screen, "fleet gone"), strings.Index(screen, "lost query"))
		for line := range strings.Lines(screen) {
			require.LessOrEqual(t, ansi.StringWidth(strings.TrimSuffix(line, "\n")), 80)
		}
	})
}

func TestPlain_ChangesOfAFleetAreLines(t *testing.T) {
	for _, asJSON := range []bool{false, true} {
		bubbles.Test(t, func(t *testing.T) {
			var s store.Memory
			var out lines
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- Plain(ctx, &out, Shown{Fleets: []Fleet{{&s, "c/"}}}, time.Second, asJSON) }()
			synctest.Wait()
			_, err := s.CompareAndSwap(t.Context(), "c/", 0, store.Record{Active: fsm.Green})
			require.NoError(t, err)
			synctest.Wait()
			fleetUpdate := strings.Count(out.String(), "\n")
			require.Equal(t, 2, fleetUpdate, out.String())
			for range 1000 {
				member, err := s.Join("c/", store.Client{})
				require.NoError(t, err)
				member.Show(store.Status{Side: fsm.Green, State: fsm.StateGreen})
				defer func() { _ = member.Leave(context.Background()) }()
			}
			time.Sleep(10 * time.Second)
			_, err = store.Rollback(t.Context(), &s, "c/", store.Directive{Side: fsm.Green, Reason: "sums", Who: "ops", For: time.Hour})
			require.NoError(t, err)
			time.Sleep(10 * time.Second)
			require.LessOrEqual(t, strings.Count(out.String(), "\n"), fleetUpdate+3, "not a line for each client")
			cancel()
			require.NoError(t, <-done)

			all := strings.Split(strings.TrimSpace(out.String()), "\n")
			last := all[len(all)-1]
			if !asJSON {
				require.Contains(t, all[0], "  fleet c  nothing is known yet; no clients")
				require.Contains(t, last, "  fleet c  blue is active, epoch 1; 1000 clients: 1000 on green; veto on green by ops: sums")
				return
			}
			var h struct {
				Fleet   string
				Record  store.Record
				Clients map[string]int
			}
			require.NoError(t, json.Unmarshal([]byte(last), &h))
			require.Equal(t, "c/", h.Fleet)
			require.Equal(t, fsm.Blue, h.Record.Active)
			require.Len(t, h.Record.Vetoes, 1)
			require.Equal(t, map[string]int{"green": 1000}, h.Clients)
		})
	}
}

func TestPlain_AStoreWithoutAResponseIsReportedOnce(t *testing.T) {
	f := newFleets([]Fleet{{Cluster: "c/"}})
	var out bytes.Buffer
	gone := fleetUpdate{0, fleet.State{Cluster: "c/"}, errors.New("gone\x1b[31m")}
	for range 3 {
		require.NoError(t, f.receive(&out, false, gone))
		require.NoError(t, f.flush(&out, false))
	}
	require.Equal(t, 1, strings.Count(out.String(), "\n"))
	require.Contains(t, out.String(), `fleet c  the store does not answer: gone\x1b[31m`)
	require.NoError(t, f.receive(&out, true, gone))
	back := fleetUpdate{0, fleet.State{Cluster: "c/", Record: store.Record{Version: 1, Active: fsm.Blue}}, nil}
	require.NoError(t, f.receive(&out, true, back))
	require.Equal(t, 2, strings.Count(out.String(), "\n"))
	require.NoError(t, f.receive(&out, true, gone))
	require.Contains(t, out.String(), `"error":"gone`)
}
