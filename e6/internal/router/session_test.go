package router_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/router"
)

func TestSessions_CallersShareOneLogin(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		p := r.pin()
		defer r.Unpin(p)
		s, err := r.Sessions().Get(t.Context(), fsm.Blue)
		require.NoError(t, err)
		for range 64 {
			r.Sessions().Expired(t.Context(), fsm.Blue, s.Generation)
		}
		var wg sync.WaitGroup
		got := make([]router.Session, 64)
		for i := range got {
			wg.Go(func() { got[i], _ = r.Sessions().Get(t.Context(), fsm.Blue) })
		}
		wg.Wait()
		for _, g := range got {
			require.Equal(t, router.Session{ID: "blue-2", Generation: s.Generation + 1}, g)
		}
		require.Equal(t, 2, r.cluster.logins(fsm.Blue))
		require.Len(t, happened[events.SessionExpired](r), 1)

		r.Sessions().Expired(t.Context(), fsm.Blue, s.Generation) // a late report about the same generation
		again, err := r.Sessions().Get(t.Context(), fsm.Blue)
		require.NoError(t, err)
		require.Equal(t, got[0], again)
	})
}

func TestSessions_AdoptOnlyWithinTheGeneration(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		p := r.pin()
		defer r.Unpin(p)
		sessions := r.Sessions()
		id := func() string {
			s, err := sessions.Get(t.Context(), fsm.Blue)
			require.NoError(t, err)
			return s.ID
		}
		sessions.Adopt(fsm.Blue, 1, "")
		require.Equal(t, "blue-1", id(), "an empty id changes nothing")
		sessions.Adopt(fsm.Blue, 1, "echo")
		require.Equal(t, "echo", id())
		sessions.Expired(t.Context(), fsm.Blue, 1)
		sessions.Adopt(fsm.Blue, 1, "ghost")
		require.Equal(t, "blue-2", id(), "one that has expired does not come back")
		sessions.Adopt(fsm.Blue, 1, "ghost")
		require.Equal(t, "blue-2", id())
		sessions.Adopt(fsm.Green, 1, "ghost")
		r.cluster.set(fsm.Green, errDead)
		_, err := sessions.Get(t.Context(), fsm.Green)
		require.ErrorIs(t, err, errDead, "a side without a session adopts none")
	})
}

func TestSessions_FailedLoginFailsAllWaitersAndTheNextCallRetries(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		p := r.pin()
		defer r.Unpin(p)
		r.Sessions().Expired(t.Context(), fsm.Blue, 1)
		r.cluster.set(fsm.Blue, errDead)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				_, err := r.Sessions().Get(t.Context(), fsm.Blue)
				require.ErrorIs(t, err, errDead)
			})
		}
		wg.Wait()
		require.Equal(t, 2, r.cluster.logins(fsm.Blue))
		r.cluster.set(fsm.Blue, nil)
		_, err := r.Sessions().Get(t.Context(), fsm.Blue)
		require.NoError(t, err)
	})
}

func TestSessions_CancelledCallerDoesNotCancelTheLogin(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		p := r.pin()
		defer r.Unpin(p)
		r.Sessions().Expired(t.Context(), fsm.Blue, 1)
		ctx, cancel := context.WithTimeout(t.Context(), latency/2)
		defer cancel()
		_, err := r.Sessions().Get(ctx, fsm.Blue)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = r.Sessions().Get(t.Context(), fsm.Blue)
		require.NoError(t, err)
		require.Equal(t, 2, r.cluster.logins(fsm.Blue))
	})
}

// A detection installs a session during a caller's login, which then succeeds or fails.
func TestSessions_LoginAfterAnInstallIsDropped(t *testing.T) {
	for name, ending := range map[string]error{"it succeeds": nil, "it fails": errDead} {
		t.Run(name, func(t *testing.T) {
			var slow atomic.Int64
			bubble(t, func(t *testing.T, r *rig) {
				p := r.pin()
				defer r.Unpin(p)
				r.Sessions().Expired(t.Context(), fsm.Blue, 1)
				slow.Store(500)
				got := make(chan router.Session, 1)
				go func() {
					s, _ := r.Sessions().Get(t.Context(), fsm.Blue)
					got <- s
				}()
				pass(latency)
				slow.Store(0)
				r.refuse(fsm.Blue, r.Stamp())
				pass(time.Second / 4)
				require.Equal(t, "blue-2", (<-got).ID, "waiting callers get the session of the detection")
				r.cluster.set(fsm.Blue, ending)
				pass(time.Second)
				s, err := r.Sessions().Get(t.Context(), fsm.Blue)
				require.NoError(t, err)
				require.Equal(t, "blue-2", s.ID)
			}, func(cfg *router.Config) { cfg.Cluster = slowCluster{cfg.Cluster.(*fakeCluster), &slow} })
		})
	}
}

func TestSessions_LoginResumesASuspendedCluster(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		p := r.pin()
		defer r.Unpin(p)
		r.Sessions().Expired(t.Context(), fsm.Blue, 1)
		r.cluster.set(fsm.Blue, errSuspended)
		_, err := r.Sessions().Get(t.Context(), fsm.Blue)
		require.NoError(t, err)
		require.Equal(t, 1, r.cluster.resumes)
	})
}

func TestSessions_OfADrainedSideIsDropped(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		old := r.pin()
		r.cutTo(fsm.Green)
		s, err := r.Sessions().Get(t.Context(), fsm.Blue)
		require.NoError(t, err)
		require.Equal(t, "blue-1", s.ID)
		r.Unpin(old)
		pass(0)
		s, err = r.Sessions().Get(t.Context(), fsm.Blue)
		require.NoError(t, err)
		require.Equal(t, "blue-2", s.ID)
		pass(0)
		s, err = r.Sessions().Get(t.Context(), fsm.Blue)
		require.NoError(t, err)
		require.Equal(t, "blue-3", s.ID, "one that came after the last query is not kept either")
	})
}
