package router_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/router"
)

func TestDetection_FirstQueryFindsTheSideThatAccepts(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.cluster.set(fsm.Blue, errRefused)
		r.cluster.set(fsm.Green, nil)
		require.Equal(t, fsm.Green, r.touch())
		require.Equal(t, []string{"detect detecting", "settle green"}, r.steps())
	})
}

func TestDetection_RetriesWhileBothSidesRefuse(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		require.Equal(t, fsm.Blue, r.touch())
		at := r.Stamp()
		r.cluster.set(fsm.Blue, errRefused)
		r.refuse(fsm.Blue, at)
		w := r.startPin(t.Context())
		pass(10 * time.Second)
		require.True(t, w.waits())
		r.cluster.set(fsm.Blue, nil)
		pass(3 * time.Second)
		require.False(t, w.waits())
		require.NoError(t, w.err)
		require.Equal(t, fsm.Blue, w.pin.Side)
		require.Equal(t, []string{"detect detecting", "settle blue", "detect detecting", "settle blue"}, r.steps())
	})
}

func TestDetection_SixtyFourRefusalsShareOneDetection(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		require.Equal(t, fsm.Blue, r.touch())
		at := r.Stamp()
		pins := make([]router.Pin, 64)
		for i := range pins {
			pins[i] = r.pin()
		}
		r.cluster.set(fsm.Blue, errRefused)
		r.cluster.set(fsm.Green, nil)
		for _, p := range pins {
			go func() {
				_ = r.Refused(context.Background(), p.Side, at)
				r.Unpin(p)
				if p, err := r.Pin(context.Background()); err == nil {
					r.Unpin(p)
				}
			}()
		}
		pass(time.Second)
		require.Equal(t, []string{"detect detecting", "settle blue", "detect detecting", "settle green"}, r.steps())
		require.Equal(t, 1, r.cluster.logins(fsm.Blue))
		require.Equal(t, 1, r.cluster.logins(fsm.Green))
	})
}

func TestDetection_TimeoutFailsItsCallersAndTheNextQueryStartsAnother(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.cluster.set(fsm.Blue, errDead)
		w := r.startPin(t.Context())
		pass(detectionTimeout + probeTimeout)
		require.False(t, w.waits())
		var failed *router.DetectionError
		require.ErrorAs(t, w.err, &failed)
		require.ErrorIs(t, w.err, errDead)
		require.ErrorIs(t, w.err, errRefused)
		require.ErrorContains(t, w.err, "the detection timed out")
		r.requireState("unknown")

		r.cluster.set(fsm.Blue, nil)
		require.Equal(t, fsm.Blue, r.touch())
	})
}

func TestDetection_EarlierFailureIsNotReturnedToANewQuery(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.cluster.set(fsm.Blue, errRefused)
		require.Error(t, func() error { _, err := r.Pin(t.Context()); return err }())
		w := r.startPin(t.Context())
		require.True(t, w.waits(), "it waits for its own detection")
		r.cluster.set(fsm.Blue, nil)
		pass(3 * time.Second)
		require.NoError(t, w.err)
	})
}

func TestDetection_CancellationOfOneCallerFailsNoOther(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.cluster.set(fsm.Blue, errRefused)
		ctx, cancel := context.WithCancelCause(t.Context())
		first, second := r.startPin(ctx), r.startPin(t.Context())
		reason := errors.New("the user left")
		cancel(reason)
		synctest.Wait()
		require.False(t, first.waits())
		require.ErrorIs(t, first.err, reason)
		require.True(t, second.waits())
		r.cluster.set(fsm.Blue, nil)
		pass(3 * time.Second)
		require.False(t, second.waits())
		require.NoError(t, second.err)
		require.Len(t, r.steps(), 2, "one detection served both")
	})
}

func TestPin_DeadlineErrorNamesTheLastProbe(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.cluster.set(fsm.Blue, errDead)
		r.cluster.set(fsm.Green, errDead)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := r.Pin(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, errDead)
		require.ErrorContains(t, err, "detecting")
	})
}

func TestDetection_WrongCredentialsFailAtOnce(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.cluster.set(fsm.Blue, errDenied)
		began := time.Now()
		_, err := r.Pin(t.Context())
		require.ErrorIs(t, err, errDenied)
		require.Less(t, time.Since(began), 10*latency)
		require.Zero(t, r.cluster.logins(fsm.Green))
	})
}

func TestDetection_ResumesASuspendedClusterOnceAndStopsItsDeadline(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.cluster.set(fsm.Blue, errSuspended)
		r.cluster.set(fsm.Green, errSuspended)
		r.cluster.resuming = 4 * detectionTimeout
		w, other := r.startPin(t.Context()), r.startPin(t.Context())
		pass(4*detectionTimeout + 10*latency)
		require.False(t, w.waits())
		require.False(t, other.waits())
		require.NoError(t, w.err)
		require.NoError(t, other.err)
		require.Equal(t, 1, r.cluster.resumes)
		require.Equal(t, fsm.Blue, w.pin.Side)
		require.Equal(t, 2, r.cluster.logins(fsm.Blue))
		require.Zero(t, r.cluster.logins(fsm.Green), "the side that was resumed is asked again first")
	})
}

func TestDetection_FailsIfTheClusterCannotBeResumed(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.cluster.set(fsm.Blue, errSuspended)
		r.cluster.resumeError = errors.New("not wanted")
		_, err := r.Pin(t.Context())
		require.ErrorIs(t, err, r.cluster.resumeError)
		require.Equal(t, fsm.ReasonSuspended, r.Routing().Cause.Reason)
	})
}

// alwaysSuspended is a cluster whose Resume succeeds, but which stays suspended.
type alwaysSuspended struct{ *fakeCluster }

func (s alwaysSuspended) Resume(context.Context, fsm.Side, func()) error { return nil }

func TestDetection_TimesOutIfTheClusterStaysSuspended(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.cluster.set(fsm.Blue, errSuspended)
		r.cluster.set(fsm.Green, errSuspended)
		w := r.startPin(t.Context())
		pass(detectionTimeout + probeTimeout)
		require.False(t, w.waits())
		require.ErrorIs(t, w.err, errSuspended)
	}, func(cfg *router.Config) { cfg.Cluster = alwaysSuspended{cfg.Cluster.(*fakeCluster)} })
}

func TestDetection_TriesTheOtherSideWhileTheFirstHangs(t *testing.T) {
	bubble(t, func(t *testing.T, r *rig) {
		r.cluster.set(fsm.Blue, errHangs)
		r.cluster.set(fsm.Green, nil)
		began := time.Now()
		p, err := r.Pin(t.Context())
		require.NoError(t, err)
		r.Unpin(p)
		require.Equal(t, fsm.Green, p.Side)
		require.LessOrEqual(t, time.Since(began), probeTimeout/4+2*latency)
		synctest.Wait()
		require.Equal(t, 1, r.cluster.logins(fsm.Blue), "the login that was overtaken is given up")
	})
}

func TestDetection_GivesTheFirstSideAHeadStart(t *testing.T) {
	var slow atomic.Int64
	bubble(t, func(t *testing.T, r *rig) {
		r.cluster.set(fsm.Green, nil)
		slow.Store(200)
		require.Equal(t, fsm.Blue, r.touch())
		require.Zero(t, r.cluster.logins(fsm.Green))
	}, func(cfg *router.Config) { cfg.Cluster = slowCluster{cfg.Cluster.(*fakeCluster), &slow} })
}

func TestDetection_FirstEndsAfterOneRoundOfHopelessErrors(t *testing.T) {
	hopeless := func(cfg *router.Config) {
		cfg.Hopeless = func(err error) bool { return errors.Is(err, errDead) }
	}
	bubble(t, func(t *testing.T, r *rig) {
		r.cluster.set(fsm.Blue, errDead)
		r.cluster.set(fsm.Green, errDead)
		for range 2 { // the next query tries again
			began := time.Now()
			_, err := r.Pin(t.Context())
			require.EqualError(t, err, "e6: no side accepts: "+errDead.Error())
			require.ErrorIs(t, err, errDead)
			require.Equal(t, 2*latency, time.Since(began))
		}
		require.Equal(t, fsm.ReasonUnreachable, r.Routing().Cause.Reason)

		r.cluster.set(fsm.Green, errRefused) // there is an ingress, so blue may come
		time.AfterFunc(5*time.Second, func() { r.cluster.set(fsm.Blue, nil) })
		p, err := r.Pin(t.Context())
		require.NoError(t, err)
		r.Unpin(p)

		// A client that has served keeps trying.
		r.cluster.set(fsm.Blue, errDead)
		r.cluster.set(fsm.Green, errDead)
		r.refuse(fsm.Blue, r.Stamp())
		time.AfterFunc(20*time.Second, func() { r.cluster.set(fsm.Green, nil) })
		p, err = r.Pin(t.Context())
		require.NoError(t, err)
		r.Unpin(p)
		require.Equal(t, fsm.Green, p.Side)
	}, hopeless)
}

func TestDetectionError_NamesACommonErrorOnce(t *testing.T) {
	on := func(side fsm.Side, text string) error { return fmt.Errorf("login on %s: %s", side, text) }
	timeout := errors.New("the time is up")
	for want, err := range map[string]*router.DetectionError{
		"e6: no side accepts: the time is up; blue and green: login: 456": {
			Err: timeout, Blue: on(fsm.Blue, "456"), Green: on(fsm.Green, "456")},
		"e6: no side accepts: the time is up; blue: login on blue: 456; green: login on green: 503": {
			Err: timeout, Blue: on(fsm.Blue, "456"), Green: on(fsm.Green, "503")},
		"e6: no side accepts: login on green: no such host": {
			Err: on(fsm.Green, "no such host"), Blue: on(fsm.Blue, "no such host"), Green: on(fsm.Green, "no such host")},
	} {
		require.EqualError(t, err, want)
	}
}
