package router

import (
	"context"
	"sync"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
)

// search runs a detection and sends its result to the writer.
func (rt *Router) search(d *detection) {
	defer d.cancel(nil)
	defer d.deadline.Stop()
	ctx := background(d.ctx, d.cause)
	start := hook.DetectionStart{Cause: d.cause, From: d.from, At: d.sign.at, Order: rt.order(d)}
	if choose := rt.cfg.Hooks.Order; choose != nil {
		start.Order = choose(ctx, start)
	}
	end := func(hook.DetectionEnd) {}
	if begin := rt.cfg.Hooks.Detection; begin != nil {
		ctx, end = begin(ctx, start)
	}
	began := time.Now()
	report := &DetectionError{}
	side, rounds := rt.searchRounds(ctx, d, start.Order, report)
	result := hook.DetectionEnd{Side: side, Rounds: rounds, Took: time.Since(began)}
	if side == fsm.None {
		result.Err = rt.detectionError(report)
	}
	end(result)
}

// searchRounds tries the sides until one accepts, with a backoff between the rounds. It
// returns the side that accepted, or None with the reason in the report.
func (rt *Router) searchRounds(ctx context.Context, d *detection, order [2]fsm.Side, report *DetectionError) (accepted fsm.Side, round int) {
	r := searchRound{rt: rt, d: d, order: order, report: report, failures: repeated{rt: rt, purpose: "detect"}}
	for r.number = 1; ; r.number++ {
		if side, over := r.run(ctx); over {
			return side, r.number
		}
		rt.cfg.Cluster.Reconnect()
		if d.initial && rt.isHopeless(report) {
			rt.detectionFailed(d, fsm.ReasonUnreachable, report.side(order[0]), report)
			return fsm.None, r.number
		}
		if err := rt.cfg.Retry.Wait(d.ctx, r.number-1, nil); err != nil {
			rt.detectionFailed(d, fsm.ReasonDeadline, err, report)
			return fsm.None, r.number
		}
	}
}

// isHopeless reports whether both sides failed with errors that a retry cannot fix.
func (rt *Router) isHopeless(report *DetectionError) bool {
	hopeless := rt.cfg.Hopeless
	return hopeless != nil && report.Blue != nil && report.Green != nil && hopeless(report.Blue) && hopeless(report.Green)
}

// A searchRound tries both sides once.
type searchRound struct {
	rt       *Router
	d        *detection
	order    [2]fsm.Side
	number   int
	report   *DetectionError
	failures repeated

	unconfirmed error // the last error of a resume for which no status call confirmed the suspension
}

// An attempt is a login that has ended.
type attempt struct {
	side    fsm.Side
	session string
	took    time.Duration
	err     error
}

// run logs in on the first side. It logs in on the other one when the first has failed, or
// after a head start. over: the detection has ended.
func (r *searchRound) run(ctx context.Context) (accepted fsm.Side, over bool) {
	ctx, stop := context.WithCancel(ctx)
	var logins sync.WaitGroup
	defer logins.Wait()
	defer stop()
	ended := make(chan attempt, len(r.order))
	started := 0
	start := func() {
		side := r.order[started]
		started++
		logins.Go(func() { ended <- r.login(ctx, side) })
	}
	start()
	headStart := time.NewTimer(r.rt.cfg.ProbeTimeout / 4)
	defer headStart.Stop()
	for answers := 0; answers < len(r.order); {
		select {
		case <-headStart.C:
			if started < len(r.order) {
				start()
			}
		case a := <-ended:
			answers++
			if over := r.classify(ctx, a); over {
				if a.err != nil {
					return fsm.None, true
				}
				return a.side, true
			}
			if r.d.ctx.Err() != nil {
				return fsm.None, false
			}
			if started == answers && started < len(r.order) {
				start()
			}
		}
	}
	return fsm.None, false
}

func (r *searchRound) login(ctx context.Context, side fsm.Side) attempt {
	session, took, err := r.rt.login(ctx, side, "detect")
	return attempt{side, session, took, err}
}

// classify handles the result of an attempt and reports whether it ends the detection.
func (r *searchRound) classify(ctx context.Context, a attempt) (over bool) {
	rt, d := r.rt, r.d
	if a.err != nil && !d.resumed && rt.cfg.Cluster.Classify(a.err) == Suspended {
		if r.unconfirmed != nil {
			rt.lastProbe.Store(&r.unconfirmed) // its error is more specific than that of the login
		}
		err := rt.resume(d, a.side)
		switch {
		case err == nil:
			a = r.login(ctx, a.side)
		case d.resumed:
			r.report.set(a.side, err)
			rt.detectionFailed(d, fsm.ReasonSuspended, err, r.report)
			return true
		default: // no status call has confirmed it
			a.err, r.unconfirmed = err, err
			rt.lastProbe.Store(&err)
		}
	}
	if a.err == nil {
		rt.post(&detected{d, a.side, a.session, a.took, d.refused[a.side.Other()]})
		return true
	}
	if d.ctx.Err() != nil {
		r.report.setFirst(a.side, a.err)
		return false
	}
	r.report.set(a.side, a.err)
	r.failures.failed(a.side, r.number, d.cause, a.err)
	switch rt.cfg.Cluster.Classify(a.err) {
	case Refuses:
		d.refused[a.side] = true
	case Denied:
		rt.cfg.Cluster.Reconnect()
		rt.detectionFailed(d, fsm.ReasonCredentials, a.err, r.report)
		return true
	}
	return false
}

// resume resumes a cluster that reports to be suspended. When a status call has confirmed
// that, the deadline of the detection stops until the cluster is active. It stops once per
// detection: a cluster that always reports to be suspended must not prevent the timeout.
func (rt *Router) resume(d *detection, side fsm.Side) error {
	err := rt.cfg.Cluster.Resume(d.ctx, side, func() {
		d.resumed = true
		d.deadline.Stop()
	})
	if d.resumed {
		d.deadline.Reset(rt.cfg.DetectionTimeout)
	}
	return err
}
