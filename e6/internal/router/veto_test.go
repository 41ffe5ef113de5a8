package router_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/store"
)

func TestVotes_OneRollbackDoesNotMoveTheFleet(t *testing.T) {
	inFleet(t, 4, router.Fleet{Votes: 2}, func(t *testing.T, f *fleet) {
		f.announce()
		require.Len(t, f.on(fsm.Green), 4)
		f.clients[0].fails(minRequests)
		require.Equal(t, []*rig{f.clients[0]}, f.on(fsm.Blue))
		require.Equal(t, fsm.Green, f.record().Active, "where the fleet is")
		received := happened[events.SideVetoed](f.clients[3])
		require.Len(t, received, 1)
		require.Equal(t, "none", received[0].Action)

		f.clients[1].fails(minRequests)
		require.Len(t, f.on(fsm.Blue), 4, "two of them are enough")
		require.Equal(t, fsm.Blue, f.record().Active)
		require.Equal(t, "rollback", happened[events.SideVetoed](f.clients[3])[1].Action)
		for range 5 {
			pass(time.Minute)
			f.announce()
			require.Len(t, f.on(fsm.Blue), 4)
		}
		require.Len(t, f.record().Vetoes, 2, "who follows has no veto of its own")
	})
}

func TestVotes_FleetStaysIfTheOtherSideDoesNotAccept(t *testing.T) {
	inFleet(t, 3, router.Fleet{Votes: 1}, func(t *testing.T, f *fleet) {
		f.announce()
		for _, r := range f.clients[1:] {
			r.cluster.set(fsm.Blue, errRefused)
		}
		f.clients[0].fails(minRequests)
		require.Len(t, f.on(fsm.Green), 2, "a veto moves no client to a side that refuses")
	})
}

func TestVeto_NewClientDoesNotStartOnAVetoedSide(t *testing.T) {
	inFleet(t, 2, router.Fleet{Votes: 2}, func(t *testing.T, f *fleet) {
		f.announce()
		f.clients[0].fails(minRequests)
		require.Equal(t, fsm.Green, f.record().Active)
		late := newRig(t, sharing(f.shared))
		defer late.end()
		require.Equal(t, fsm.Blue, late.touch())
	})
}

func TestVeto_WrongVetoesFailNoQuery(t *testing.T) {
	inFleet(t, 1, router.Fleet{Votes: 1}, func(t *testing.T, f *fleet) {
		r := f.clients[0]
		r.cluster.set(fsm.Green, errRefused)
		now := time.Now()
		for i, v := range []store.Veto{
			{Side: fsm.Blue, Directive: true, At: now, Until: now.Add(time.Hour)},
			{Side: fsm.Blue, Directive: true, At: now.Add(-1 << 62), Until: now.Add(1 << 62)},
			{Side: fsm.Side(9), Directive: true, At: now, Until: now.Add(time.Hour)},
			{Side: fsm.Green, Directive: true, At: now, Until: now.Add(-time.Hour)},
		} {
			v.Writer = fmt.Sprint("liar", i)
			record := f.record()
			_, err := f.shared.CompareAndSwap(t.Context(), "c", record.Version, store.Record{Active: fsm.Blue, Vetoes: []store.Veto{v}})
			require.NoError(t, err)
			for range 10 {
				pass(time.Second)
				require.Equal(t, fsm.Blue, r.touch())
			}
		}
		// Vetoes do not exclude the only side that accepts.
		r.cluster.set(fsm.Green, nil)
		r.cluster.set(fsm.Blue, errRefused)
		r.refuse(fsm.Blue, r.Stamp())
		require.Equal(t, fsm.Green, r.touch())
	})
}

func TestVeto_RecordHoldsAtMostMaxVetoes(t *testing.T) {
	inFleet(t, 2*store.MaxVetoes, router.Fleet{Votes: store.MaxVetoes}, func(t *testing.T, f *fleet) {
		f.announce()
		for _, r := range f.clients {
			if r.Routing().Active == fsm.Green {
				r.fails(minRequests)
			}
		}
		pass(time.Minute)
		require.Len(t, f.on(fsm.Blue), 2*store.MaxVetoes)
		require.Len(t, f.record().Vetoes, store.MaxVetoes)
		require.NoError(t, f.clients[0].Rollback(t.Context(), strings.Repeat("ä", store.MaxReason)))
		for _, v := range f.record().Vetoes {
			require.LessOrEqual(t, len(v.Reason), store.MaxReason)
		}
	})
}
