package exec

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/ctxerr"
	"github.com/e6data/e6data-go/e6/internal/errtext"
	"github.com/e6data/e6data-go/e6/internal/wire"
)

// resumer resumes the cluster, once for all callers that need it. Callers also share the
// moment at which the suspension is confirmed, so a resumption has two channels; the package
// singleflight would share its end only.
type resumer struct {
	x       *Executor
	mu      sync.Mutex
	current *resumption // in progress, or nil

	nextReport atomic.Int64 // in nanoseconds
}

type resumption struct {
	confirmed chan struct{} // closed when a status call has shown that the cluster is not active
	done      chan struct{}
	err       error
}

// unconfirmedError: a side responded with 503, and no status call has shown that the cluster
// is suspended. Its ingress has lost the engine, or the whole cluster is unreachable: the
// side counts as unreachable.
type unconfirmedError struct {
	seen string
	side fsm.Side
	call error
}

// Error implements error.
func (e *unconfirmedError) Error() string { return "cluster status call: " + e.seen }

// Unwrap returns the status call.
func (e *unconfirmedError) Unwrap() error { return e.call }

// brief is the text of the error for events, without the text of the server.
func (e *unconfirmedError) brief() string {
	return fmt.Sprintf("%s answered 503; cluster status call: %s", e.side, status.Code(e.call))
}

func isUnconfirmed(err error) bool {
	_, ok := errors.AsType[*unconfirmedError](err)
	return ok
}

// unconfirmed is the error of a status call that failed. It has the failure of the call,
// unless the client itself ended the call.
func (r *resumer) unconfirmed(err error) error {
	failed, ok := wire.AsError(err)
	if !ok || failed.Outcome().Login == wire.VerdictDenied {
		return errtext.Errorf("cluster status call: %w", err)
	}
	e := &unconfirmedError{seen: failed.Cause(), side: failed.Side}
	switch code := failed.HTTPStatus(); {
	case failed.Outcome().Verdict == wire.VerdictSuspended:
		e.seen = "503"
	case code != 0:
		e.seen = strconv.Itoa(code)
	}
	e.call = r.x.failures.Call(&wire.Error{Class: wire.ClassUnreachable, Effect: wire.EffectNone, Side: failed.Side, Method: failed.Method, At: failed.At, Err: failed.Err})
	return e
}

// resume resumes the cluster after a call got a 503, unless Settings.NoAutoResume forbids
// it. It calls confirmed, which may be nil, when the cluster is known not to be active.
func (r *resumer) resume(ctx context.Context, side fsm.Side, confirmed func()) error {
	resume := r.join
	if r.x.NoAutoResume {
		resume = r.check
	}
	err := resume(ctx, side, confirmed)
	if isUnconfirmed(err) {
		return errtext.Errorf("answered 503; %w", err)
	}
	return err
}

// check requests the status of a cluster that must not be resumed.
func (r *resumer) check(ctx context.Context, side fsm.Side, confirmed func()) error {
	limited, cancel := context.WithTimeout(ctx, r.x.ProbeTimeout)
	defer cancel()
	switch status, err := r.x.control(limited, side, statusCall); {
	case ctx.Err() != nil:
		return errtext.Errorf("waiting for the status of the cluster: %w", ctxerr.Cause(ctx))
	case err != nil:
		return r.unconfirmed(err)
	case status == ClusterActive:
		return nil
	}
	if confirmed != nil {
		confirmed()
	}
	r.publishSuspended()
	return errtext.Errorf("%w, and NoAutoResume is set: resume it, or allow the client to", ErrSuspended)
}

// suspendedEvery is the minimum time between two events about a cluster that stays
// suspended.
const suspendedEvery = 10 * time.Second

// publishSuspended publishes, at most once in suspendedEvery, that the cluster is suspended
// and stays so.
func (r *resumer) publishSuspended() {
	now, next := time.Now().UnixNano(), r.nextReport.Load()
	if now >= next && r.nextReport.CompareAndSwap(next, now+int64(suspendedEvery)) {
		r.x.bus.Publish(fsm.Cause{Reason: fsm.ReasonSuspended}, events.ClusterResume{
			Status: ClusterSuspended, Done: true, Error: "NoAutoResume is set"})
	}
}

// join waits within ctx for the resumption in progress. Without one, it starts one on the
// context of the client.
func (r *resumer) join(ctx context.Context, side fsm.Side, confirmed func()) error {
	p := r.start(side)
	confirmation := p.confirmed
	for {
		select {
		case <-confirmation:
			confirmation = nil
			if confirmed != nil {
				confirmed()
			}
		case <-p.done:
			return p.err
		case <-ctx.Done():
			return errtext.Errorf("waiting for the cluster to resume: %w", ctxerr.Cause(ctx))
		}
	}
}

// start returns the resumption in progress, and starts one if there is none.
func (r *resumer) start(side fsm.Side) *resumption {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current != nil {
		return r.current
	}
	p := &resumption{confirmed: make(chan struct{}), done: make(chan struct{})}
	r.current = p
	go func() {
		if p.err = r.run(side, func() { close(p.confirmed) }); p.err != nil {
			// The 503 may come from an earlier address of the cluster.
			r.x.conn.Reconnect()
		}
		r.mu.Lock()
		r.current = nil
		r.mu.Unlock()
		close(p.done)
	}()
	return p
}

// run resumes the cluster and publishes its progress. A cluster is not known to be suspended
// if it gives no status within Settings.ProbeTimeout.
func (r *resumer) run(side fsm.Side, confirmed func()) error {
	began := time.Now()
	publish := func(e events.ClusterResume) {
		e.Elapsed = time.Since(began)
		r.x.bus.Publish(fsm.Cause{Reason: fsm.ReasonSuspended}, e)
	}
	status, err := r.firstStatus(side)
	switch {
	case r.x.ctx.Err() != nil:
		return ErrClosed
	case err != nil:
		return r.unconfirmed(err)
	case status == ClusterActive:
		publish(events.ClusterResume{Status: status, Done: true})
		return nil
	}
	confirmed()
	ctx, cancel := context.WithTimeoutCause(r.x.ctx, r.x.ResumeTimeout,
		fmt.Errorf("%w and did not become active within %s", ErrSuspended, r.x.ResumeTimeout))
	defer cancel()
	return r.untilActive(ctx, side, status, publish)
}

// untilActive resumes a cluster with that status, and waits until it is active.
func (r *resumer) untilActive(ctx context.Context, side fsm.Side, status string, publish func(events.ClusterResume)) error {
	var err error
	requested := false // a resume, since the cluster was suspended last
	for {
		switch {
		case ctx.Err() != nil:
			err = errtext.Errorf("resume: %w", context.Cause(ctx))
			publish(events.ClusterResume{Done: true, Error: err.Error()})
			return err
		case err != nil && !wire.OutcomeOf(err).StartOver:
			// Other failures may pass: the engines of a cluster that resumes, and the
			// ingress in front of them, start in no particular order.
			publish(events.ClusterResume{Done: true, Error: err.Error()})
			return errtext.Errorf("resume: %w", err)
		case status == ClusterActive:
			publish(events.ClusterResume{Status: status, Done: true})
			return nil
		case status == ClusterFailed:
			err = errtext.Errorf("resume: %w, and resuming it failed", ErrSuspended)
			publish(events.ClusterResume{Status: status, Done: true, Error: err.Error()})
			return err
		}
		publish(events.ClusterResume{Status: status})
		call := statusCall
		if status == ClusterSuspended && !requested {
			call, requested = resumeCall, true
		} else {
			// A call that failed may not have arrived, and a cluster that was resuming
			// may be suspended again.
			requested = requested && err == nil && status != ClusterResuming
			select {
			case <-time.After(r.x.ResumePoll):
			case <-ctx.Done():
			}
		}
		status, err = r.x.control(ctx, side, call)
	}
}

// firstStatus requests the status within Settings.ProbeTimeout, again after each failure
// that may pass.
func (r *resumer) firstStatus(side fsm.Side) (string, error) {
	ctx, cancel := context.WithTimeout(r.x.ctx, r.x.ProbeTimeout)
	defer cancel()
	for attempt := 1; ; attempt++ {
		status, err := r.x.control(ctx, side, statusCall)
		if err == nil || attempt >= r.x.MaxAttempts || !wire.OutcomeOf(err).StartOver || r.x.retry.Wait(ctx, attempt-1, nil) != nil {
			return status, err
		}
	}
}
