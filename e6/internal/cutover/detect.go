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
	from     fsm.Side // active before
	first    fsm.Side // asked first; None leaves it to what the store says
	refused  map[fsm.Side]bool
	cause    fsm.Cause
	sign     suspicion // what it began with
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
	from, sign := c.machine.Snapshot().Active, c.firstSign(cause)
	c.abandon(cause, fmt.Errorf("e6: no side accepts: %s", cause))
	clear(c.heard)
	if !c.fire(fsm.Trigger{Event: fsm.EventDetect, Cause: cause}) {
		return
	}
	d := &detection{from: from, first: first, refused: make(map[fsm.Side]bool), cause: cause, sign: sign}
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
	report := &DetectionError{}
	ctx := background(d.ctx, d.cause)
	start := DetectionStart{Cause: d.cause, From: d.from, At: d.sign.at, Order: c.order(d)}
	if ask := c.cfg.Hooks.Order; ask != nil {
		start.Order = ask(ctx, start)
	}
	end := func(DetectionEnd) {}
	if tell := c.cfg.Hooks.Detection; tell != nil {
		ctx, end = tell(ctx, start)
	}
	began := time.Now()
	side, rounds := c.ask(ctx, d, start.Order, report)
	result := DetectionEnd{Side: side, Rounds: rounds, Took: time.Since(began)}
	if side == fsm.None {
		result.Err = report
	}
	end(result)
}

// ask asks the sides in turn. It returns the one that accepted, and leaves the
// reason in the report if none has.
func (c *Coordinator) ask(ctx context.Context, d *detection, order [2]fsm.Side, report *DetectionError) (accepted fsm.Side, round int) {
	resumed := false
	failures := repeated{c: c, purpose: "detect"}
	for round = 1; ; round++ {
		for _, side := range order {
			session, took, err := c.login(ctx, side, "detect")
			if err != nil && !resumed && c.cfg.Cluster.Judge(err) == Suspended {
				// Once in a detection: the time that it takes does not count, and
				// a cluster that claims to sleep for ever must not stop the clock.
				resumed = true
				if err := c.resume(d, side); err != nil {
					report.set(side, err)
					c.detectionFailed(d, fsm.ReasonSuspended, err, report)
					return fsm.None, round
				}
				session, took, err = c.login(ctx, side, "detect")
			}
			if err == nil {
				c.post(func() { c.onDetected(d, side, session, took) })
				return side, round
			}
			if d.ctx.Err() != nil {
				report.setFirst(side, err)
				break
			}
			report.set(side, err)
			failures.failed(side, round, d.cause, err)
			switch c.cfg.Cluster.Judge(err) {
			case Refuses:
				d.refused[side] = true
			case Denied:
				c.cfg.Cluster.Reconnect()
				c.detectionFailed(d, fsm.ReasonCredentials, err, report)
				return fsm.None, round
			}
		}
		c.cfg.Cluster.Reconnect()
		if err := c.cfg.Retry.Wait(d.ctx, round-1, nil); err != nil {
			c.detectionFailed(d, fsm.ReasonDeadline, err, report)
			return fsm.None, round
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
func (c *Coordinator) login(ctx context.Context, side fsm.Side, purpose string) (session string, took time.Duration, err error) {
	end := func(SessionEnd) {}
	if tell := c.cfg.Hooks.Session; tell != nil {
		ctx, end = tell(ctx, SessionStart{Side: side, Purpose: purpose})
	}
	began := time.Now()
	err = c.probe(ctx, func(ctx context.Context) error {
		session, err = c.cfg.Cluster.Authenticate(ctx, side)
		return err
	})
	took = time.Since(began)
	end(SessionEnd{Took: took, Err: err})
	return session, took, err
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
	c.sessions.install(side, session, took, "detect")
	cause := fsm.Cause{Reason: fsm.ReasonAccepted, Detail: d.cause.String(), Trace: d.cause.Trace}
	c.fire(fsm.Trigger{Event: fsm.EventSettle, Side: side, Cause: cause})
	c.detection = nil
	// The refusal that began a detection is news too: it does not ask that side again.
	c.tellSettled(side, d.refused[side.Other()] || d.from == side.Other() && d.cause.Reason == fsm.ReasonRefusal)
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
		c.fire(fsm.Trigger{Event: fsm.EventFail, Cause: fsm.Cause{Reason: reason, Detail: report.text(c.cfg.Describe), Trace: d.cause.Trace}})
	})
}

// endDetection abandons the detection that is under way, if there is one.
func (c *Coordinator) endDetection() {
	if c.detection != nil {
		c.detection.cancel(context.Canceled)
		c.detection = nil
	}
}
