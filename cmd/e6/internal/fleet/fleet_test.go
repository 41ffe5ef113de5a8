package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/internal/bubbles"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// many is a fleet in a cutover that has stopped halfway.
func many(now time.Time) State {
	state := State{Cluster: "e6.example.com:443/", Record: store.Record{
		Version: 12, Active: fsm.Blue, Epoch: 8, Writer: "ops@desk", At: now.Add(-3 * time.Minute),
		Vetoes: []store.Veto{
			{Side: fsm.Green, Writer: "ops@desk", Directive: true, Reason: "the \x1b[31msums are wrong", At: now.Add(-time.Minute), Until: now.Add(29 * time.Minute)},
			{Side: fsm.Green, Writer: "ABC", Reason: "12 of 40 executions got no answer", At: now, Until: now.Add(10 * time.Minute)},
			{Side: fsm.Green, Writer: "DEF", Reason: "over", At: now.Add(-time.Hour), Until: now.Add(-time.Second)},
		},
	}}
	add := func(n int, side fsm.Side, where fsm.State, program, version, host string) {
		for i := range n {
			state.Clients = append(state.Clients, store.Client{
				ID: fmt.Sprintf("%s-%s-%d", program, host, i), Host: host, Program: program, Version: version, Since: now.Add(-time.Duration(i+1) * time.Hour), Side: side, State: where,
			})
		}
	}
	add(3, fsm.Green, fsm.StateTransitioning, "ingest", "v1.2.0", "host-a")
	add(5, fsm.Blue, fsm.Settled(fsm.Blue), "ingest", "v1.2.0", "host-b")
	add(4, fsm.Blue, fsm.Settled(fsm.Blue), "ingest", "v1.2.0", "host-c")
	add(2, fsm.Blue, fsm.Settled(fsm.Blue), "report", "v1.1.0", "host-c")
	add(1, fsm.None, fsm.StateDetecting, "repört\x07", "devel", "host-d")
	return state
}

func TestState_WriteMatchesItsGoldenFiles(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		now := time.Now()
		some := many(now)
		some.Clients = append(some.Clients[:1], some.Clients[12:]...)
		for name, test := range map[string]struct {
			state State
			each  bool
		}{
			"groups":  {state: many(now)},
			"each":    {some, true},
			"nothing": {state: State{Cluster: "localhost:50052/main", Clients: []store.Client{}}},
			"files":   {state: State{Cluster: "localhost:50052/", Record: store.Record{Version: 1, Active: fsm.Blue, Announced: fsm.Green, Writer: "ABC", At: now}}},
		} {
			var out bytes.Buffer
			require.NoError(t, test.state.Write(&out, test.each))
			want, err := os.ReadFile(filepath.Join("testdata", name+".txt"))
			require.NoError(t, err)
			require.Equal(t, string(want), out.String(), name)
		}
	})
}

func TestState_LineIsOneLine(t *testing.T) {
	state := many(time.Now())
	require.Equal(t, "blue is active, epoch 8; 15 clients: 11 on blue, 3 on green, 1 on no side yet", state.Line())
	require.Equal(t, 3, state.On(fsm.Green))
	require.Equal(t, "e6.example.com:443", state.Name())
	state.Clients = state.Clients[:1]
	require.Equal(t, "blue is active, epoch 8; 1 client: 1 on green", state.Line())
	state.Clients = []store.Client{}
	require.Equal(t, "blue is active, epoch 8; no clients", state.Line())
	state.Clients = nil
	state.Record.Announced = fsm.Green
	require.Equal(t, "blue is active, green is announced, epoch 8", state.Line())
	require.Equal(t, "nothing is known yet", State{}.Line())
	require.Equal(t, "no side is known to be active, epoch 0", State{Record: store.Record{Version: 1}}.Line())
}

func TestState_WithoutClientsNamesTheCause(t *testing.T) {
	var memory store.Memory
	withoutPresence := struct{ store.Store }{&memory}
	for want, s := range map[string]store.Store{"null": withoutPresence, "[]": &memory} {
		state, err := Look(t.Context(), s, "c")
		require.NoError(t, err)
		text, err := json.Marshal(state)
		require.NoError(t, err)
		require.Contains(t, string(text), `"clients":`+want)
	}
}

// update is a call of Follow's function.
type update struct {
	State
	err error
}

// following begins to follow a cluster, and returns a function that waits until an update
// fits.
func following(t *testing.T, s store.Store) (until func(fits func(update) bool)) {
	ctx, end := context.WithCancel(t.Context())
	updates, ended := make(chan update, 1000), make(chan struct{})
	go func() {
		defer close(ended)
		Follow(ctx, s, "c", func(state State, err error) { updates <- update{state, err} })
	}()
	t.Cleanup(func() {
		end()
		<-ended
	})
	return func(fits func(update) bool) {
		t.Helper()
		for {
			select {
			case now := <-updates:
				if fits(now) {
					return
				}
			case <-time.After(time.Minute):
				require.FailNow(t, "the update never comes")
			}
		}
	}
}

func TestFollow_ReportsEveryChange(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		var s store.Memory
		until := following(t, &s)
		until(func(now update) bool { return now.Record.Version == 0 && now.Clients != nil })
		_, err := s.CompareAndSwap(t.Context(), "c", 0, store.Record{Active: fsm.Green})
		require.NoError(t, err)
		until(func(now update) bool { return now.Record.Active == fsm.Green })
		member, err := s.Join("c", store.Client{ID: "one"})
		require.NoError(t, err)
		member.Show(store.Status{Side: fsm.Green, State: fsm.Settled(fsm.Green)})
		until(func(now update) bool { return now.On(fsm.Green) == 1 && now.Record.Active == fsm.Green })
		require.NoError(t, member.Leave(t.Context()))
		until(func(now update) bool { return len(now.Clients) == 0 })
	})
}

// moody is a store whose calls fail.
type moody struct {
	store.Memory
	fails chan error // what the next call of each kind returns
}

var errMood = errors.New("not today")

func (m *moody) Load(ctx context.Context, cluster string) (store.Record, error) {
	select {
	case err := <-m.fails:
		return store.Record{}, err
	default:
		return m.Memory.Load(ctx, cluster)
	}
}

func (m *moody) WatchClients(ctx context.Context, cluster string, fn func([]store.Client)) error {
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	go func() {
		select {
		case err := <-m.fails:
			end(err)
		case <-ctx.Done():
		}
	}()
	_ = m.Memory.WatchClients(ctx, cluster, fn)
	return context.Cause(ctx)
}

func TestFollow_RetriesAStoreThatFails(t *testing.T) {
	bubbles.Test(t, func(t *testing.T) {
		s := &moody{fails: make(chan error, 1)}
		s.fails <- errMood
		_, err := s.CompareAndSwap(t.Context(), "c", 0, store.Record{Active: fsm.Green})
		require.NoError(t, err)
		until := following(t, s)
		until(func(now update) bool { return errors.Is(now.err, errMood) })
		until(func(now update) bool { return now.err == nil && now.Record.Active == fsm.Green })
		synctest.Wait()
		s.fails <- errMood
		until(func(now update) bool { return errors.Is(now.err, errMood) && now.Record.Active == fsm.Green })
		until(func(now update) bool { return now.err == nil })
	})
}
