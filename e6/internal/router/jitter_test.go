package router_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/router"
)

func TestJitter_SpreadsTheLoginsOfAFleetAndDelaysNoQuery(t *testing.T) {
	const jitter = 10 * time.Second
	inFleet(t, 50, router.Fleet{Jitter: jitter, Votes: 2}, func(t *testing.T, f *fleet) {
		began := time.Now()
		f.announce()
		half := 0
		for time.Since(began) < jitter/2 {
			pass(jitter / 100)
			for _, r := range f.clients {
				r.touch()
			}
		}
		half = len(f.on(fsm.Green))
		require.True(t, half > 10 && half < 40, "%d of 50 after half of the time", half)
		pass(jitter/2 + 10*latency)
		require.Len(t, f.on(fsm.Green), 50)
	})
}

func TestJitter_SpreadsTheRetriesOfAFleet(t *testing.T) {
	const jitter = 10 * time.Second
	inFleet(t, 20, router.Fleet{Jitter: jitter, Votes: 2}, func(t *testing.T, f *fleet) {
		for _, r := range f.clients {
			r.cluster.set(fsm.Green, errRefused)
		}
		f.announce()
		pass(prepareTimeout / 2)
		asked := 0
		for _, r := range f.clients {
			asked += r.cluster.logins(fsm.Green)
			r.cluster.set(fsm.Green, nil)
		}
		require.Less(t, asked, 20*2*int(prepareTimeout/2/jitter)+20)
		pass(jitter + time.Second)
		require.Len(t, f.on(fsm.Green), 20)
	})
}

func TestJitter_EndsWhenTheActiveSideRefuses(t *testing.T) {
	inFleet(t, 1, router.Fleet{Jitter: 24 * time.Hour, Votes: 2}, func(t *testing.T, f *fleet) {
		r := f.clients[0]
		f.announce()
		r.requireState("transitioning blue->green (preparing)")
		r.cluster.set(fsm.Blue, errRefused)
		r.refuse(fsm.Blue, r.Stamp())
		require.Equal(t, fsm.Green, r.touch())
	})
	inFleet(t, 1, router.Fleet{Jitter: 24 * time.Hour, Votes: 2}, func(t *testing.T, f *fleet) {
		f.announce()
		require.NoError(t, f.clients[0].Switch(t.Context(), fsm.Green), "nor for a caller")
	})
}

func TestJitter_IsNotPartOfThePrepareTimeout(t *testing.T) {
	inFleet(t, 20, router.Fleet{Jitter: 3 * prepareTimeout, Votes: 2}, func(t *testing.T, f *fleet) {
		f.announce()
		pass(3*prepareTimeout + 10*latency)
		require.Len(t, f.on(fsm.Green), 20)
	})
}
