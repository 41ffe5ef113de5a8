package e6

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

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
	StatusActive    ClusterStatus = "active"
	StatusSuspended ClusterStatus = "suspended"
	StatusResuming  ClusterStatus = "resuming"
	StatusFailed    ClusterStatus = "failed"
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
	return c.wake.join(ctx, c.Strategy().Active)
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
	done chan struct{}
	err  error
}

// resume wakes the cluster for a call that found it suspended, if that is wanted.
func (r *resumer) resume(ctx context.Context, side Side) error {
	if r.c.cfg.NoAutoResume {
		r.tellAsleep()
		return errtext.Errorf("%w, and NoAutoResume is set: resume it, or allow the client to", ErrSuspended)
	}
	return r.join(ctx, side)
}

// tellAsleep publishes, not for every call, that the cluster is suspended and
// stays so.
func (r *resumer) tellAsleep() {
	now, next := time.Now().UnixNano(), r.nextTold.Load()
	if now >= next && r.nextTold.CompareAndSwap(next, now+int64(asleepEvery)) {
		r.c.bus.Publish(fsm.Cause{Reason: fsm.ReasonSuspended}, events.ClusterResume{
			Status: string(StatusSuspended), Done: true, Error: "NoAutoResume is set"})
	}
}

// asleepEvery is how often it is told that the cluster is suspended.
const asleepEvery = 10 * time.Second

// join waits within ctx for the resumption that is under way, or begins one on
// the client's own context.
func (r *resumer) join(ctx context.Context, side Side) error {
	r.mu.Lock()
	p := r.current
	if p == nil {
		p = &resumption{done: make(chan struct{})}
		r.current = p
		go func() {
			if p.err = r.run(side); p.err != nil {
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
	select {
	case <-p.done:
		return p.err
	case <-ctx.Done():
		return errtext.Errorf("waiting for the cluster to resume: %w", ctxerr.Why(ctx))
	}
}

// run resumes the cluster and reports its progress.
func (r *resumer) run(side Side) error {
	ctx, cancel := context.WithTimeoutCause(r.c.ctx, r.c.cfg.ResumeTimeout,
		fmt.Errorf("%w and did not become active within %s", ErrSuspended, r.c.cfg.ResumeTimeout))
	defer cancel()
	began := time.Now()
	tell := func(e events.ClusterResume) {
		e.Elapsed = time.Since(began)
		r.c.bus.Publish(fsm.Cause{Reason: fsm.ReasonSuspended}, e)
	}
	ask, asked := (*Client).askStatus, false
	for {
		status, err := r.c.control(ctx, side, ask)
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
		case status == StatusActive:
			tell(events.ClusterResume{Status: string(status), Done: true})
			return nil
		case status == StatusFailed:
			err = errtext.Errorf("resume: %w, and resuming it failed", ErrSuspended)
			tell(events.ClusterResume{Status: string(status), Done: true, Error: err.Error()})
			return err
		case status == StatusSuspended && !asked:
			tell(events.ClusterResume{Status: string(status)})
			ask, asked = (*Client).askResume, true
			continue
		}
		tell(events.ClusterResume{Status: string(status)})
		ask = (*Client).askStatus
		// A call that failed may not have been heard, and a cluster that was
		// waking up may be sent to sleep again.
		asked = asked && err == nil && status != StatusResuming
		select {
		case <-time.After(r.c.cfg.ResumePoll):
		case <-ctx.Done():
		}
	}
}
