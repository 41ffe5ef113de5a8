package e6otel

import (
	"context"
	"slices"

	"github.com/e6data/e6data-go/e6/hook"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// operation is a detection, or the opening of a session, in flight.
type operation struct {
	c         *client
	span      trace.Span
	detection hook.DetectionStart
	session   hook.SessionStart
}

// begin starts the span of an operation.
func (w *operation) begin(ctx context.Context, name string, attrs ...attribute.KeyValue) context.Context {
	ctx, w.span = w.c.inst.tracer.Start(ctx, name, trace.WithAttributes(slices.Concat(w.c.attrs, attrs)...))
	return ctx
}

// DetectionStart implements hook.DetectionHook.
func (h *hooks) DetectionStart(ctx context.Context, s hook.DetectionStart) context.Context {
	c := h.current.Load()
	if c == nil {
		return ctx
	}
	w := &operation{c: c, detection: s}
	ctx = w.begin(ctx, spanDetection, sideOf(keyFrom, s.From), cause(s.Cause),
		keyOrder.StringSlice([]string{s.Order[0].String(), s.Order[1].String()}))
	return context.WithValue(ctx, detectionKey{h}, w)
}

// DetectionEnd implements hook.DetectionHook.
func (h *hooks) DetectionEnd(ctx context.Context, e hook.DetectionEnd) {
	w, ok := ctx.Value(detectionKey{h}).(*operation)
	if !ok {
		return
	}
	attrs := append(failureAttrs(errorType(e.Err), ""), result(e.Err == nil, "found"))
	h.inst.instruments.durations[nameDetection].Record(ctx, seconds(e.Took), w.c.set(attrs...).record...)
	w.c.count(nameDetections, 1, append(attrs, cause(w.detection.Cause))...)
	if w.span.IsRecording() {
		w.span.SetAttributes(sideOf(keySide, e.Side), keyRounds.Int(e.Rounds))
		fail(w.span, e.Err)
	}
	w.span.End()
}

// SessionStart implements hook.SessionHook.
func (h *hooks) SessionStart(ctx context.Context, s hook.SessionStart) context.Context {
	c := h.current.Load()
	if c == nil {
		return ctx
	}
	w := &operation{c: c, session: s}
	ctx = w.begin(ctx, spanSession, sideOf(keySide, s.Side), keyPurpose.String(s.Purpose))
	return context.WithValue(ctx, sessionKey{h}, w)
}

// SessionEnd implements hook.SessionHook.
func (h *hooks) SessionEnd(ctx context.Context, e hook.SessionEnd) {
	w, ok := ctx.Value(sessionKey{h}).(*operation)
	if !ok {
		return
	}
	purpose := keyPurpose.String(w.session.Purpose)
	attrs := append(failureAttrs(errorType(e.Err), ""), purpose)
	h.inst.instruments.durations[nameLogin].Record(ctx, seconds(e.Took), w.c.set(attrs...).record...)
	w.c.count(nameLogins, 1, append(attrs, sideOf(keySide, w.session.Side), result(e.Err == nil, "ok"))...)
	if w.span.IsRecording() {
		fail(w.span, e.Err)
	}
	w.span.End()
}
