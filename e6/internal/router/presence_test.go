package router_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/store"
)

func TestPresence_ListsAClientWithItsSideUntilItIsClosed(t *testing.T) {
	inFleet(t, 3, router.Fleet{Present: true, Votes: 2}, func(t *testing.T, f *fleet) {
		shown := func() (all []string) {
			clients, err := f.shared.Clients(t.Context(), "c")
			require.NoError(t, err)
			for _, c := range clients {
				all = append(all, c.Side.String()+" "+c.State.String())
			}
			return all
		}
		require.Equal(t, []string{"blue blue", "blue blue", "blue blue"}, shown())
		p := f.clients[0].pin() // keeps it draining
		f.announce()
		require.ElementsMatch(t, []string{"green transitioning", "green green", "green green"}, shown())
		f.clients[0].Unpin(p)
		pass(latency)
		f.clients[1].end()
		require.Equal(t, []string{"green green", "green green"}, shown())
	})
}

// A failingPresence is a store whose Join fails.
type failingPresence struct {
	store.Memory
	fail func() error
}

func (r *failingPresence) Join(string, store.Client) (store.Member, error) { return nil, r.fail() }

func TestPresence_FailureAffectsNoQuery(t *testing.T) {
	for name, fail := range map[string]func() error{
		"an error": func() error { return errDead },
		"a panic":  func() error { panic("rude") },
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				require.Equal(t, fsm.Blue, r.touch())
				pass(time.Second)
				require.Len(t, happened[events.StoreFailed](r), 1)
				require.Equal(t, "presence", happened[events.StoreFailed](r)[0].Op)
			}, sharing(&failingPresence{fail: fail}), func(cfg *router.Config) { cfg.Fleet.Present = true })
		})
	}
}
