package router

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
)

// A detection finds a side that accepts. There is one at a time, on the context
// of the client: it serves every waiting caller, and no caller can cancel it.
type detection struct {
	id       uint64
	ctx      context.Context
	cancel   context.CancelCauseFunc
	deadline *time.Timer
	from     fsm.Side // active before
	first    fsm.Side // tried first; None: the side of the record in the store
	refused  map[fsm.Side]bool
	resumed  bool // the cluster was suspended, and was resumed
	initial  bool // the client has never settled: a hopeless error ends the detection
	cause    fsm.Cause
	sign     suspicion // the first sign of the change
}

// errDetectionTimeout is the cause of a detection that exceeds DetectionTimeout.
var errDetectionTimeout = errors.New("the detection timed out")

// detectIfUnknown starts a detection for a caller that found no side.
func (w *writer) detectIfUnknown(cause fsm.Cause) {
	if w.machine.Snapshot().State == fsm.StateUnknown {
		w.detect(cause, w.lastKnown)
	}
}

// detect clears the active side and starts a detection. It runs on the writer.
func (w *writer) detect(cause fsm.Cause, first fsm.Side) {
	from, sign := w.machine.Snapshot().Active, w.firstSign(cause)
	w.abandon(cause, fmt.Errorf("e6: no side accepts: %s", cause))
	clear(w.received)
	if !w.fire(fsm.Trigger{Event: fsm.EventDetect, Cause: cause}) {
		return
	}
	d := &detection{from: from, first: first, refused: make(map[fsm.Side]bool), initial: !w.hasSettled, cause: cause, sign: sign}
	d.ctx, d.cancel = context.WithCancelCause(w.ctx)
	d.deadline = w.timer("detection", w.cfg.DetectionTimeout, func() {
		d.cancel(fmt.Errorf("%w after %s", errDetectionTimeout, w.cfg.DetectionTimeout))
	})
	w.detection, d.id = d, w.newID(d)
	w.spawn("detection", func(rt *Router) { rt.search(d) })
}

// order is the order in which a detection tries the sides.
func (rt *Router) order(d *detection) [2]fsm.Side {
	first := d.first
	// After a refusal or a failure, the router's own choice is newer than the record.
	if !first.Valid() || d.cause.Reason == fsm.ReasonFirstUse {
		if hint := rt.hint(d.ctx); hint.Valid() {
			first = hint
		}
	}
	if !first.Valid() {
		return fsm.Sides
	}
	return [2]fsm.Side{first, first.Other()}
}

// login opens a session on a side.
func (rt *Router) login(ctx context.Context, side fsm.Side, purpose string) (session string, took time.Duration, err error) {
	end := func(hook.SessionEnd) {}
	if begin := rt.cfg.Hooks.Session; begin != nil {
		ctx, end = begin(ctx, hook.SessionStart{Side: side, Purpose: purpose})
	}
	began := time.Now()
	err = rt.probe(ctx, rt.cfg.ProbeTimeout, func(ctx context.Context) error {
		session, err = rt.cfg.Cluster.Authenticate(ctx, side)
		return err
	})
	took = time.Since(began)
	end(hook.SessionEnd{Took: took, Err: err})
	return session, took, err
}

// onDetected settles on the side that accepted.
func (w *writer) onDetected(d *detection, side fsm.Side, session string, took time.Duration, otherRefused bool) {
	if w.detection != d {
		return
	}
	w.install(side, session, took, "detect")
	cause := fsm.Cause{Reason: fsm.ReasonAccepted, Detail: d.cause.String(), Trace: d.cause.Trace}
	w.fire(fsm.Trigger{Event: fsm.EventSettle, Side: side, Cause: cause})
	w.detection, w.hasSettled = nil, true
	// The refusal that began the detection counts as well: the detection may not have
	// tried that side.
	w.publishSettled(side, otherRefused || d.from == side.Other() && d.cause.Reason == fsm.ReasonRefusal)
	if d.from == side.Other() && d.cause.Reason == fsm.ReasonUnreachable {
		w.suppressSide(d.from) // otherwise the first response that names it starts a transition back
	}
	w.scheduleRefresh()
	w.releaseSessions()
	w.applyReceived(side)
}

// detectionFailed ends a detection without a side. The next query starts a new one.
func (rt *Router) detectionFailed(d *detection, reason fsm.Reason, err error, report *DetectionError) {
	report.Err = err
	rt.post(&detectionFailed{d, reason, rt.detectionError(report), report.text(rt.cfg.Describe)})
}

// detectionError returns the error of a failed detection.
func (rt *Router) detectionError(report *DetectionError) error {
	if rt.cfg.Failure == nil {
		return report
	}
	return rt.cfg.Failure(report)
}

// onDetectionFailed moves the machine to unknown.
func (w *writer) onDetectionFailed(d *detection, reason fsm.Reason, report error, text string) {
	if w.detection != d {
		return
	}
	w.detection = nil
	w.failures++
	w.failure = report
	w.fire(fsm.Trigger{Event: fsm.EventFail, Cause: fsm.Cause{Reason: reason, Detail: text, Trace: d.cause.Trace}})
}

// endDetection cancels the detection, if there is one.
func (w *writer) endDetection() {
	if w.detection != nil {
		w.detection.cancel(context.Canceled)
		w.detection = nil
	}
}
