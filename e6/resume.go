package e6

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
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// ClusterStatus is what a cluster says about itself.
type ClusterStatus string

// The statuses that were seen. There may be others.
const (
	ClusterActive    ClusterStatus = "active"
	ClusterSuspended ClusterStatus = "suspended"
	ClusterResuming  ClusterStatus = "resuming"
	ClusterFailed    ClusterStatus = "failed"
)

// ClusterStatus asks the cluster for its status. It does not wake it.
func (c *Client) ClusterStatus(ctx context.Context) (ClusterStatus, error) {
	return c.control(ctx, c.Strategy().Active, (*Client).askStatus)
}

// SuspendCluster puts the cluster to sleep, for all its clients.
func (c *Client) SuspendCluster(ctx context.Context) (ClusterStatus, error) {
	return c.control(ctx, c.Strategy().Active, func(c *Client, ctx context.Context, side Side, user, token string) (string, error) {
		a, err := c.conn.Cluster(wire.Call{Side: side}).Suspend(ctx, &e6xv1.SuspendRequest{User: user, Password: token})
		return a.GetStatus(), err
	})
}

// ResumeCluster wakes a suspended cluster and waits, within ctx and
// Config.ResumeTimeout, until it is active. It does so whatever
// Config.NoAutoResume says.
func (c *Client) ResumeCluster(ctx context.Context) error {
	err := c.wake.join(ctx, c.Strategy().Active, nil)
	if isUnconfirmed(err) {
		return errtext.Errorf("resume: %w", err)
	}
	return err
}

// control makes one call of cluster control. If the side refuses it, as it is
// not the active one, the other side gets it.
func (c *Client) control(ctx context.Context, side Side, ask func(*Client, context.Context, Side, string, string) (string, error)) (ClusterStatus, error) {
	if !side.Valid() {
		side = fsm.Sides[0]
	}
	ctx, unbind := c.bind(ctx)
	defer unbind()
	user, token, err := c.credentials(ctx)
	if err != nil {
		return "", errtext.Errorf("cluster control: %w", err)
	}
	status, err := ask(c, ctx, side, user, token)
	outcome := wire.OutcomeOf(err)
	if outcome.Verdict == wire.VerdictRefuses || outcome.Verdict == wire.VerdictSuspended {
		if answer, otherErr := ask(c, ctx, side.Other(), user, token); otherErr == nil {
			return ClusterStatus(answer), nil
		}
	}
	switch {
	case err != nil && c.ctx.Err() != nil:
		return "", ErrClosed
	case outcome.Login == wire.VerdictDenied:
		return "", &deniedError{err}
	}
	return ClusterStatus(status), err
}

func (c *Client) askStatus(ctx context.Context, side Side, user, token string) (string, error) {
	a, err := c.conn.Cluster(wire.Call{Side: side}).Status(ctx, &e6xv1.ClusterStatusRequest{User: user, Password: token})
	return a.GetStatus(), err
}

func (c *Client) askResume(ctx context.Context, side Side, user, token string) (string, error) {
	a, err := c.conn.Cluster(wire.Call{Side: side}).Resume(ctx, &e6xv1.ResumeRequest{User: user, Password: token})
	return a.GetStatus(), err
}

// resumer wakes the cluster, once for all who need it.
type resumer struct {
	c       *Client
	mu      sync.Mutex
	current *resumption

	nextTold atomic.Int64 // in nanoseconds
}

type resumption struct {
	confirmed chan struct{} // closed when a status call has shown that the cluster is not active
	done      chan struct{}
	err       error
}

// unconfirmedError: a side answered 503, and no status call has shown that the cluster
// is suspended. Its ingress has lost the engine, or the whole cluster is away: the side
// is unreachable, and that is what the call in it says.
type unconfirmedError struct {
	seen string
	call *wire.Error
}

func (e *unconfirmedError) Error() string { return "cluster status call: " + e.seen }
func (e *unconfirmedError) Unwrap() error { return e.call }

// brief is the error as events have it, without the server's words.
func (e *unconfirmedError) brief() string {
	return fmt.Sprintf("%s answered 503; cluster status call: %s", e.call.Side, status.Code(e.call))
}

func isUnconfirmed(err error) bool {
	_, ok := errors.AsType[*unconfirmedError](err)
	return ok
}

// resume wakes the cluster for a call that was answered 503, if that is wanted. It
// calls confirmed, which may be nil, when the cluster is known not to be active.
func (r *resumer) resume(ctx context.Context, side Side, confirmed func()) error {
	wake := r.join
	if r.c.cfg.NoAutoResume {
		wake = r.lookOnly
	}
	err := wake(ctx, side, confirmed)
	if isUnconfirmed(err) {
		return errtext.Errorf("answered 503; %w", err)
	}
	return err
}

// lookOnly asks for the status of a cluster that must not be resumed.
func (r *resumer) lookOnly(ctx context.Context, side Side, confirmed func()) error {
	limited, cancel := context.WithTimeout(ctx, r.c.cfg.ProbeTimeout)
	defer cancel()
	switch status, err := r.c.control(limited, side, (*Client).askStatus); {
	case ctx.Err() != nil:
		return errtext.Errorf("waiting for the status of the cluster: %w", ctxerr.Cause(ctx))
	case err != nil:
		return unconfirmed(err)
	case status == ClusterActive:
		return nil
	}
	if confirmed != nil {
		confirmed()
	}
	r.tellAsleep()
	return errtext.Errorf("%w, and NoAutoResume is set: resume it, or allow the client to", ErrSuspended)
}

// unconfirmed is the error of a status call that has failed. It says what was seen,
// unless it is the client's own failure.
func unconfirmed(err error) error {
	failed, ok := wire.AsError(err)
	if !ok || failed.Outcome().Login == wire.VerdictDenied {
		return errtext.Errorf("cluster status call: %w", err)
	}
	e := &unconfirmedError{seen: failed.Cause()}
	switch code := failed.HTTPStatus(); {
	case failed.Outcome().Verdict == wire.VerdictSuspended:
		e.seen = "503"
	case code != 0:
		e.seen = strconv.Itoa(code)
	}
	e.call = &wire.Error{Class: wire.ClassUnreachable, Effect: wire.EffectNone, Side: failed.Side, Method: failed.Method, At: failed.At, Err: failed.Err}
	return e
}

// tellAsleep publishes, not for every call, that the cluster is suspended and
// stays so.
func (r *resumer) tellAsleep() {
	now, next := time.Now().UnixNano(), r.nextTold.Load()
	if now >= next && r.nextTold.CompareAndSwap(next, now+int64(asleepEvery)) {
		r.c.bus.Publish(fsm.Cause{Reason: fsm.ReasonSuspended}, events.ClusterResume{
			Status: string(ClusterSuspended), Done: true, Error: "NoAutoResume is set"})
	}
}

// asleepEvery is how often it is told that the cluster is suspended.
const asleepEvery = 10 * time.Second

// join waits within ctx for the resumption that is under way, or begins one on
// the client's own context.
func (r *resumer) join(ctx context.Context, side Side, confirmed func()) error {
	r.mu.Lock()
	p := r.current
	if p == nil {
		p = &resumption{confirmed: make(chan struct{}), done: make(chan struct{})}
		r.current = p
		go func() {
			if p.err = r.run(side, func() { close(p.confirmed) }); p.err != nil {
				// The 503 may come from where the cluster was once.
				r.c.conn.Reconnect()
			}
			r.mu.Lock()
			r.current = nil
			r.mu.Unlock()
			close(p.done)
		}()
	}
	r.mu.Unlock()
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

// run resumes the cluster and reports its progress. A cluster whose status cannot be
// had, within the time of a probe, is not known to be suspended.
func (r *resumer) run(side Side, confirmed func()) error {
	began := time.Now()
	tell := func(e events.ClusterResume) {
		e.Elapsed = time.Since(began)
		r.c.bus.Publish(fsm.Cause{Reason: fsm.ReasonSuspended}, e)
	}
	status, err := r.firstStatus(side)
	switch {
	case r.c.ctx.Err() != nil:
		return ErrClosed
	case err != nil:
		return unconfirmed(err)
	case status == ClusterActive:
		tell(events.ClusterResume{Status: string(status), Done: true})
		return nil
	}
	confirmed()
	ctx, cancel := context.WithTimeoutCause(r.c.ctx, r.c.cfg.ResumeTimeout,
		fmt.Errorf("%w and did not become active within %s", ErrSuspended, r.c.cfg.ResumeTimeout))
	defer cancel()
	ask, asked := (*Client).askStatus, false
	for {
		switch {
		case ctx.Err() != nil:
			err = errtext.Errorf("resume: %w", context.Cause(ctx))
			tell(events.ClusterResume{Done: true, Error: err.Error()})
			return err
		case err != nil && !wire.OutcomeOf(err).StartOver:
			// Anything else may pass: the engines of a cluster that wakes up, and the
			// ingress in front of them, come up in no particular order.
			tell(events.ClusterResume{Done: true, Error: err.Error()})
			return errtext.Errorf("resume: %w", err)
		case status == ClusterActive:
			tell(events.ClusterResume{Status: string(status), Done: true})
			return nil
		case status == ClusterFailed:
			err = errtext.Errorf("resume: %w, and resuming it failed", ErrSuspended)
			tell(events.ClusterResume{Status: string(status), Done: true, Error: err.Error()})
			return err
		}
		tell(events.ClusterResume{Status: string(status)})
		if status == ClusterSuspended && !asked {
			ask, asked = (*Client).askResume, true
		} else {
			ask = (*Client).askStatus
			// A call that failed may not have been heard, and a cluster that was
			// waking up may be sent to sleep again.
			asked = asked && err == nil && status != ClusterResuming
			select {
			case <-time.After(r.c.cfg.ResumePoll):
			case <-ctx.Done():
			}
		}
		status, err = r.c.control(ctx, side, ask)
	}
}

// firstStatus asks for the status within the time of a probe, once more after each
// failure that may pass.
func (r *resumer) firstStatus(side Side) (ClusterStatus, error) {
	ctx, cancel := context.WithTimeout(r.c.ctx, r.c.cfg.ProbeTimeout)
	defer cancel()
	for attempt := 1; ; attempt++ {
		status, err := r.c.control(ctx, side, (*Client).askStatus)
		if err == nil || attempt >= r.c.cfg.MaxAttempts || !wire.OutcomeOf(err).StartOver || r.c.retry.Wait(ctx, attempt-1, nil) != nil {
			return status, err
		}
	}
}
