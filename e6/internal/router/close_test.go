package router_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/router"
)

func TestClose_DuringEveryOperation(t *testing.T) {
	for name, prepare := range map[string]func(r *rig){
		"nothing":               func(*rig) {},
		"a detection":           func(r *rig) { r.cluster.set(fsm.Blue, errRefused); r.startPin(context.Background()) },
		"a probe":               func(r *rig) { r.cluster.set(fsm.Blue, errHangs); r.startPin(context.Background()) },
		"a preparation":         func(r *rig) { r.touch(); r.announce(fsm.Blue, r.Stamp(), fsm.Green) },
		"a preparation on hold": func(r *rig) { r.touch(); r.announce(fsm.Blue, r.Stamp(), fsm.Green); r.refuse(fsm.Blue, r.Stamp()) },
		"a drain":               func(r *rig) { r.pin(); r.cutTo(fsm.Green) },
		"a verification":        func(r *rig) { r.pin(); r.cutTo(fsm.Green); r.fail(fsm.Green, r.Stamp()) },
		"a resumption": func(r *rig) {
			r.cluster.set(fsm.Blue, errSuspended)
			r.cluster.resuming = time.Hour
			r.startPin(context.Background())
			pass(time.Minute)
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, r *rig) {
				prepare(r)
				w := r.startPin(context.Background())
				began := time.Now()
				require.NoError(t, r.Close(context.Background()))
				require.Zero(t, time.Since(began), "it waits for no call and no timer")
				<-w.done
				if w.err != nil {
					require.ErrorIs(t, w.err, router.ErrClosed)
				}
				pass(24 * time.Hour)

				_, err := r.Pin(t.Context())
				require.ErrorIs(t, err, router.ErrClosed)
				require.ErrorIs(t, r.Switch(t.Context(), fsm.Green), router.ErrClosed)
				require.ErrorIs(t, r.Reset(t.Context()), router.ErrClosed)
				require.ErrorIs(t, r.Refused(t.Context(), fsm.Blue, r.Stamp()), router.ErrClosed)
				_, err = r.Refresh(t.Context())
				require.ErrorIs(t, err, router.ErrClosed)
				steps := r.steps()
				r.announce(r.Routing().Active, r.Stamp(), fsm.Green)
				pass(time.Minute)
				require.Equal(t, steps, r.steps(), "a client that is closed stays closed")
			})
		})
	}
}

func TestClose_FromAnEventCallback(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		closed := make(chan error, 1)
		r.bus.Subscribe(func(e events.Event) {
			if step, ok := e.Data.(events.Transition); ok && step.Event == fsm.EventAnnounce {
				closed <- r.Close(context.Background())
			}
		})
		r.touch()
		r.announce(fsm.Blue, r.Stamp(), fsm.Green)
		require.NoError(t, <-closed)
	})
}

func TestDrain_TakesNoNewQueriesAndEndsWithTheLastOne(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		onBlue := r.pin()
		r.cutTo(fsm.Green)
		onGreen := r.pin()
		idle := r.Drain()
		_, err := r.Pin(t.Context())
		require.ErrorIs(t, err, router.ErrClosed)
		over := func() bool {
			synctest.Wait()
			select {
			case <-idle:
				return true
			default:
				return false
			}
		}
		require.False(t, over())
		r.Sessions().Expired(t.Context(), fsm.Green, 1)
		_, err = r.Sessions().Get(t.Context(), fsm.Green)
		require.NoError(t, err, "queries that run may still need a session")
		r.Unpin(onBlue)
		require.False(t, over())
		r.Unpin(onGreen)
		require.True(t, over())
		<-r.Drain()
	})
}

func TestClose_EndsWithItsContext(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		go func() { _, _ = r.Pin(context.Background()) }()
		pass(0)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, r.Close(ctx), context.DeadlineExceeded)
		pass(time.Minute)
		require.NoError(t, r.Close(t.Context()), "a second call waits like the first")
	}, func(cfg *router.Config) { cfg.Cluster = hangingCluster{cfg.Cluster.(*fakeCluster)} })
}

// hangingCluster ignores the end of its context.
type hangingCluster struct{ *fakeCluster }

func (d hangingCluster) Authenticate(context.Context, fsm.Side) (string, error) {
	<-time.After(30 * time.Second)
	return "", errDead
}
