package cutover

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// A detection looks for a side that accepts. There is one at a time, on the
// client's own context: it serves every caller that waits, and none of them
// can cancel it.
type detection struct {
	ctx      context.Context
	cancel   context.CancelCauseFunc
	deadline *time.Timer
	first    fsm.Side // asked first; None leaves it to what the store says
	refused  map[fsm.Side]bool
	cause    fsm.Cause
}

// errDetectionTimeout ends a detection whose own time is up.
var errDetectionTimeout = errors.New("the detection timed out")

// detectIfUnknown starts a detection for a caller that found no side.
func (c *Coordinator) detectIfUnknown(cause fsm.Cause) {
	if c.machine.Snapshot().State == fsm.StateUnknown {
		c.detect(cause, c.lastKnown)
	}
}

// detect gives up what is known and looks for a side that accepts. It runs on
// the writer.
func (c *Coordinator) detect(cause fsm.Cause, first fsm.Side) {
	c.abandon(fmt.Errorf("e6: no side accepts: %s", cause))
	clear(c.heard)
	if !c.fire(fsm.Trigger{Event: fsm.EventDetect, Cause: cause}) {
		return
	}
	d := &detection{first: first, refused: make(map[fsm.Side]bool), cause: cause}
	d.ctx, d.cancel = context.WithCancelCause(c.ctx)
	d.deadline = time.AfterFunc(c.cfg.DetectionTimeout, func() {
		d.cancel(fmt.Errorf("%w after %s", errDetectionTimeout, c.cfg.DetectionTimeout))
	})
	c.detection = d
	c.tasks.Go(func() { c.search(d) })
}

// search asks the sides in turn until one accepts, with growing pauses between
// the rounds, and hands the outcome to the writer.
func (c *Coordinator) search(d *detection) {
	defer d.cancel(nil)
	defer d.deadline.Stop()
	order := c.order(d)
	report := &DetectionError{}
	resumed := false
	for round := 1; ; round++ {
		for _, side := range order {
			session, took, err := c.login(d.ctx, side)
			if err != nil && !resumed && c.cfg.Cluster.Judge(err) == Suspended {
				// Once in a detection: the time that it takes does not count, and
				// a cluster that claims to sleep for ever must not stop the clock.
				resumed = true
				if err := c.resume(d, side); err != nil {
					report.set(side, err)
					c.detectionFailed(d, fsm.ReasonSuspended, err, report)
					return
				}
				session, took, err = c.login(d.ctx, side)
			}
			if err == nil {
				c.post(func() { c.onDetected(d, side, session, took) })
				return
			}
			if d.ctx.Err() != nil {
				break
			}
			report.set(side, err)
			c.failed("detect", side, round, d.cause, err)
			switch c.cfg.Cluster.Judge(err) {
			case Refuses:
				d.refused[side] = true
			case Denied:
				c.detectionFailed(d, fsm.ReasonCredentials, err, report)
				return
			}
		}
		if err := c.cfg.Retry.Wait(d.ctx, round-1, nil); err != nil {
			c.detectionFailed(d, fsm.ReasonDeadline, err, report)
			return
		}
	}
}

// order is the order in which a detection asks the sides.
func (c *Coordinator) order(d *detection) [2]fsm.Side {
	first := d.first
	// After a refusal or a failure the evidence is fresher than any store.
	if !first.Valid() || d.cause.Reason == fsm.ReasonFirstUse {
		if hint := c.hint(d.ctx); hint.Valid() {
			first = hint
		}
	}
	if !first.Valid() {
		return fsm.Sides
	}
	return [2]fsm.Side{first, first.Other()}
}

// login opens a session on a side.
func (c *Coordinator) login(ctx context.Context, side fsm.Side) (session string, took time.Duration, err error) {
	began := time.Now()
	err = c.probe(ctx, func(ctx context.Context) error {
		session, err = c.cfg.Cluster.Authenticate(ctx, side)
		return err
	})
	return session, time.Since(began), err
}

// resume wakes the cluster. The time that takes has a limit of its own and does
// not count as detection.
func (c *Coordinator) resume(d *detection, side fsm.Side) error {
	d.deadline.Stop()
	defer d.deadline.Reset(c.cfg.DetectionTimeout)
	return c.cfg.Cluster.Resume(d.ctx, side)
}

// onDetected settles on the side that accepted.
func (c *Coordinator) onDetected(d *detection, side fsm.Side, session string, took time.Duration) {
	if c.detection != d {
		return
	}
	c.detection = nil
	c.sessions.install(side, session, took)
	cause := fsm.Cause{Reason: fsm.ReasonAccepted, Detail: d.cause.String(), Trace: d.cause.Trace}
	c.fire(fsm.Trigger{Event: fsm.EventSettle, Side: side, Cause: cause})
	c.tellSettled(side, d.refused[side.Other()])
	c.scheduleRefresh()
	c.releaseSessions()
	c.applyHeard(side)
}

// detectionFailed ends a detection without a side. The next query begins a new
// one.
func (c *Coordinator) detectionFailed(d *detection, reason fsm.Reason, why error, report *DetectionError) {
	report.Err = why
	c.post(func() {
		if c.detection != d {
			return
		}
		c.detection = nil
		c.failures++
		c.failure = report
		c.fire(fsm.Trigger{Event: fsm.EventFail, Cause: fsm.Cause{Reason: reason, Detail: report.Error(), Trace: d.cause.Trace}})
	})
}

// endDetection abandons the detection that is under way, if there is one.
func (c *Coordinator) endDetection() {
	if c.detection != nil {
		c.detection.cancel(context.Canceled)
		c.detection = nil
	}
}
