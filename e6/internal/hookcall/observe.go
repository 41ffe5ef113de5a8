package hookcall

import (
	"context"
	"time"

	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/exec"
)

// begin calls hooks for the start of an operation, each with the context of the one before
// it, and returns the context in which the operation continues.
func begin[H any](ctx context.Context, s *Set, hooks []Hook[H], point string, start func(H, context.Context) context.Context) context.Context {
	for _, h := range hooks {
		var next context.Context
		if h.Call(ctx, point, s.Budget, func() { next = start(h.Hook, ctx) }) && next != nil {
			ctx = next
		}
	}
	return ctx
}

// finish calls hooks for the end of an operation, in the reverse order.
func finish[H any](ctx context.Context, s *Set, hooks []Hook[H], point string, end func(H)) {
	for i := len(hooks) - 1; i >= 0; i-- {
		hooks[i].Call(ctx, point, s.Budget, func() { end(hooks[i].Hook) })
	}
}

func (s *Set) detection(ctx context.Context, d hook.DetectionStart) (context.Context, func(hook.DetectionEnd)) {
	ctx = begin(ctx, s, s.detections, hook.PointDetectionStart, func(h hook.DetectionHook, ctx context.Context) context.Context { return h.DetectionStart(ctx, d) })
	return ctx, func(e hook.DetectionEnd) {
		finish(ctx, s, s.detections, hook.PointDetectionEnd, func(h hook.DetectionHook) { h.DetectionEnd(ctx, e) })
	}
}

func (s *Set) session(ctx context.Context, d hook.SessionStart) (context.Context, func(hook.SessionEnd)) {
	ctx = begin(ctx, s, s.sessions, hook.PointSessionStart, func(h hook.SessionHook, ctx context.Context) context.Context { return h.SessionStart(ctx, d) })
	return ctx, func(e hook.SessionEnd) {
		finish(ctx, s, s.sessions, hook.PointSessionEnd, func(h hook.SessionHook) { h.SessionEnd(ctx, e) })
	}
}

func (s *Set) cutover(ctx context.Context, d hook.CutoverStart) (context.Context, func(hook.CutoverEnd)) {
	ctx = begin(ctx, s, s.cutovers, hook.PointCutoverStart, func(h hook.CutoverHook, ctx context.Context) context.Context { return h.CutoverStart(ctx, d) })
	return ctx, func(e hook.CutoverEnd) {
		finish(ctx, s, s.cutovers, hook.PointCutoverEnd, func(h hook.CutoverHook) { h.CutoverEnd(ctx, e) })
	}
}

// Query calls the query hooks for the start of a statement, and returns the function
// that calls them for its end.
func (s *Set) Query(ctx context.Context, start hook.QueryStart) (context.Context, func(hook.QueryEnd)) {
	if len(s.queries) == 0 {
		return ctx, func(hook.QueryEnd) {}
	}
	began := time.Now()
	for i := range s.queries {
		h := &s.queries[i]
		var next context.Context
		ok := false
		if h.mayInline(ctx, hook.PointQueryStart, began) {
			next, ok = startInline(ctx, h, began, &start)
		} else {
			next, ok = startQuery(ctx, h, began, s.Budget, start)
		}
		if ok && next != nil {
			ctx = next
		}
	}
	return ctx, func(e hook.QueryEnd) {
		ended := time.Now()
		e.Took = ended.Sub(began)
		for i := len(s.queries) - 1; i >= 0; i-- {
			h := &s.queries[i]
			if h.mayInline(ctx, hook.PointQueryEnd, ended) {
				endInline(ctx, h, ended, &e)
			} else {
				endQuery(ctx, h, ended, s.Budget, e)
			}
		}
	}
}

// The calls of query hooks come with every statement. Those that return at once allocate
// nothing: the closures of the others are made in functions of their own.

func startQuery(ctx context.Context, h *Hook[hook.QueryHook], began time.Time, budget time.Duration, start hook.QueryStart) (next context.Context, ok bool) {
	ok = h.callPooled(ctx, hook.PointQueryStart, began, budget, func() { next = h.Hook.QueryStart(ctx, start) })
	if !ok {
		return nil, false // next may still be written
	}
	return next, true
}

func startInline(ctx context.Context, h *Hook[hook.QueryHook], began time.Time, start *hook.QueryStart) (next context.Context, ok bool) {
	defer func() {
		if p := recover(); p != nil {
			ok = h.panicked(hook.PointQueryStart, p, began)
		}
	}()
	return h.Hook.QueryStart(ctx, *start), true
}

func endQuery(ctx context.Context, h *Hook[hook.QueryHook], ended time.Time, budget time.Duration, e hook.QueryEnd) {
	h.callPooled(ctx, hook.PointQueryEnd, ended, budget, func() { h.Hook.QueryEnd(ctx, e) })
}

func endInline(ctx context.Context, h *Hook[hook.QueryHook], began time.Time, e *hook.QueryEnd) {
	defer func() {
		if p := recover(); p != nil {
			h.panicked(hook.PointQueryEnd, p, began)
		}
	}()
	h.Hook.QueryEnd(ctx, *e)
}

// Step runs one step of a query and calls the step hooks, except those that skip the steps
// of this attempt.
func (s *Set) Step(ctx context.Context, step *exec.ObservedStep) error {
	if len(s.steps) == 0 {
		return step.Run(ctx)
	}
	return s.observedStep(ctx, step)
}

// observedStep is Step for a client that has step hooks.
func (s *Set) observedStep(ctx context.Context, step *exec.ObservedStep) error {
	began, start := time.Now(), step.StepStart
	for i, h := range s.steps {
		if step.Skipped>>i&1 == 1 {
			continue
		}
		var next context.Context
		switch ok := h.Call(ctx, hook.PointStepStart, s.Budget, func() { next = h.Hook.StepStart(ctx, start) }); {
		case !ok: // next may still be written
		case next == nil:
			step.Skipped |= 1 << i
		default:
			ctx = next
		}
	}
	err := step.Run(ctx)
	e := step.End(time.Since(began), err)
	for i := len(s.steps) - 1; i >= 0; i-- {
		if h := s.steps[i]; step.Skipped>>i&1 == 0 {
			h.Call(ctx, hook.PointStepEnd, s.Budget, func() { h.Hook.StepEnd(ctx, e) })
		}
	}
	return err
}
