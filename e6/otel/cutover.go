package e6otel

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/hook"
)

// change is the span of a cutover: of a transition, or of any other change of the
// active side. The latter has ended already when its hooks are called.
type change struct {
	c            *client
	start        *hook.CutoverStart
	cutoverTrace *cutoverTrace // nil if its span is not recorded
	span         trace.Span
}

// CutoverStart implements hook.CutoverHook.
func (h *hooks) CutoverStart(ctx context.Context, s hook.CutoverStart) context.Context {
	c := h.current.Load()
	if c == nil {
		return ctx
	}
	ch := &change{c: c, start: &s}
	first := eventStarted
	if s.Limit > 0 { // a transition
		c.running.Store(ch.start)
		first = eventAnnounced
	}
	options := []trace.SpanStartOption{trace.WithNewRoot(), trace.WithTimestamp(s.At), trace.WithAttributes(c.attrs...), trace.WithAttributes(
		cutoverID.Int64(int64(s.ID)), cutoverKind.String(string(s.Change)), cutoverEvent.String(s.Event.String()), sideOf(cutoverFrom, s.From), sideOf(cutoverTo, s.To),
		cutoverCause.String(string(s.Cause.Reason)), cutoverInFlight.Int64(s.InFlight))}
	if s.Cause.Trace.IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: s.Cause.Trace, Attributes: []attribute.KeyValue{keyLink.String("cause")}}))
	}
	ctx, ch.span = h.inst.tracer.Start(ctx, spanCutover, options...)
	if ch.span.IsRecording() {
		ch.span.AddEvent(first, trace.WithTimestamp(s.At))
		ch.cutoverTrace = &cutoverTrace{start: ch.start}
		c.inFlightQueries.open(ch.cutoverTrace)
	}
	return context.WithValue(ctx, cutoverKey{h}, ch)
}

// CutoverEnd implements hook.CutoverHook.
func (h *hooks) CutoverEnd(ctx context.Context, e hook.CutoverEnd) {
	ch, ok := ctx.Value(cutoverKey{h}).(*change)
	if !ok {
		return
	}
	c, s := ch.c, ch.start
	c.running.CompareAndSwap(s, nil) // not Store: the next cutover may have begun, and must stay
	causeAttr, resultAttr := cause(s.Cause), keyResult.String(e.Result)
	if s.Limit > 0 {
		c.count(nameAttempts, 1, append(failureAttrs(cutoverError(e.Result), ""), causeAttr, resultAttr, sideOf(keyFrom, s.From), sideOf(keyTo, s.To))...)
	}
	attrs := append(failureAttrs(cutoverError(e.Result), ""), keyKind.String(string(s.Change)), causeAttr, resultAttr)
	h.inst.instruments.durations[nameCutover].Record(ctx, seconds(e.At.Sub(s.At)), c.set(attrs...).record...)
	if s.Limit > 0 && !e.Ready.IsZero() {
		h.inst.instruments.durations[namePrewarm].Record(ctx, seconds(e.Ready.Sub(s.At)), c.plain.record...)
	}
	if ch.cutoverTrace == nil {
		ch.span.End()
		return
	}
	ch.addEvents(e)
	resolved := c.inFlightQueries.wait(ch.cutoverTrace, leftSides(s, e)...)
	c.traces.Go(func() { ch.finish(resolved, e.At) })
}

// The results of a transition that did not commit, and of a change without a
// transition.
const (
	aborted   = "aborted"
	abandoned = "abandoned"
	settled   = "settled"
	reset     = "reset"
)

// cutoverError is error.type of a cutover with that result, and empty for none.
func cutoverError(result string) string {
	switch result {
	case aborted:
		return errorAborted
	case abandoned:
		return errorAbandoned
	}
	return ""
}

// leftSides are the sides that are not active after a cutover and may have queries
// in flight.
func leftSides(s *hook.CutoverStart, e hook.CutoverEnd) []e6.Side {
	switch {
	case e.Result == aborted:
		return []e6.Side{s.To}
	case e.Result == abandoned:
		return []e6.Side{s.From, s.To}
	case s.From == e6.None:
		return nil
	}
	return []e6.Side{s.From}
}

// addEvents adds the events, the result and the status of a cutover to its span.
func (ch *change) addEvents(e hook.CutoverEnd) {
	at := func(name string, t time.Time) {
		if !t.IsZero() {
			ch.span.AddEvent(name, trace.WithTimestamp(t))
		}
	}
	if e.Result != settled {
		at(eventReady, e.Ready)
	}
	at(eventFirst, e.FirstQuery)
	at(eventDrained, e.Drained)
	switch e.Result {
	case aborted, abandoned:
		at(e.Result, e.At)
		ch.span.SetStatus(otelcodes.Error, "")
		ch.span.SetAttributes(keyError.String(cutoverError(e.Result)))
	case settled, reset:
		at(e.Result, e.At)
	default:
		at(eventCommitted, e.At)
	}
	ch.span.SetAttributes(cutoverResult.String(e.Result), cutoverReason.String(string(e.Cause.Reason)), cutoverRemain.Int64(e.Remaining))
}

// finish ends the span when the result of all its queries is known, at the latest after
// the grace time. It can be later than the end of the cutover: a refusal of the origin
// commits the cutover at once, and the queries on the origin are retried, replayed or
// lost after that.
func (ch *change) finish(resolved <-chan struct{}, ended time.Time) {
	grace := time.NewTimer(ch.c.inst.set.grace)
	defer grace.Stop()
	select {
	case <-resolved:
	case <-grace.C:
	case <-ch.c.closing:
	}
	ch.c.inFlightQueries.close(ch.cutoverTrace)
	s := ch.cutoverTrace
	room := mostLinks
	if ch.start.Cause.Trace.IsValid() {
		room--
	}
	for _, l := range s.links(room) {
		ch.span.AddLink(l)
	}
	ch.span.SetAttributes(cutoverDrain.Int64(s.drained), cutoverReplay.Int64(s.replays), cutoverRetry.Int64(s.retries), cutoverLost.Int64(s.losses))
	ch.span.End(trace.WithTimestamp(ended))
}
