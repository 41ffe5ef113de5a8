package e6

import (
	"context"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/exec"
	"github.com/e6data/e6data-go/e6/internal/router"
)

// called is a hook of one kind with the caller that limits its calls.
type called[H any] struct {
	hook H
	*hookCaller
}

// hookSet has the hooks of a client by kind.
type hookSet struct {
	env        *hookEnv
	budgets    hookBudgets
	health     func(Side) hook.SideHealth
	query      func(ctx context.Context, side Side, sql string) (*hook.Result, error) // of a guard
	guards     []called[hook.Guard]
	selectors  []called[hook.Selector]
	orderers   []called[hook.DetectionOrderer]
	clients    []called[ClientHook]
	queries    []called[hook.QueryHook]
	steps      []called[hook.StepHook]
	detections []called[hook.DetectionHook]
	sessions   []called[hook.SessionHook]
	cutovers   []called[hook.CutoverHook]
}

// hookBudgets limit the calls of hooks.
type hookBudgets struct{ call, guard, close time.Duration }

func newHookSet(env *hookEnv, cfg Config, h *hooks) *hookSet {
	return &hookSet{
		env: env, budgets: hookBudgets{cfg.HookBudget, cfg.GuardBudget, cfg.CloseTimeout},
		guards: oneByOne(env, h.guards), selectors: oneByOne(env, h.selectors), orderers: oneByOne(env, h.orderers),
		clients: concurrent(env, h.clients), queries: concurrent(env, h.queries), steps: concurrent(env, h.steps),
		detections: concurrent(env, h.detections), sessions: concurrent(env, h.sessions), cutovers: concurrent(env, h.cutovers),
	}
}

// oneByOne returns hooks whose calls never overlap.
func oneByOne[H any](env *hookEnv, hooks []H) (all []called[H]) {
	for _, h := range hooks {
		all = append(all, called[H]{h, &hookCaller{env: env, name: nameOf(h), turn: make(chan struct{}, 1)}})
	}
	return all
}

// concurrent returns hooks that many goroutines call at once.
func concurrent[H any](env *hookEnv, hooks []H) (all []called[H]) {
	for _, h := range hooks {
		inline, _ := any(h).(hook.InlineHook)
		all = append(all, called[H]{h, &hookCaller{env: env, name: nameOf(h), inlineHook: inline}})
	}
	return all
}

// router returns what the router calls.
func (s *hookSet) router() router.Hooks {
	var h router.Hooks
	if len(s.guards) > 0 {
		h.Guard = s.guard
	}
	if len(s.selectors) > 0 {
		h.WaitShared = s.waitShared
	}
	if len(s.orderers) > 0 {
		h.Order = s.order
	}
	if len(s.detections) > 0 {
		h.Detection = s.detection
	}
	if len(s.sessions) > 0 {
		h.Session = s.session
	}
	if len(s.cutovers) > 0 {
		h.Cutover = s.transition
	}
	return h
}

// guard calls the guards one after the other. The first that does not allow the
// transition decides.
func (s *hookSet) guard(ctx context.Context, p hook.Proposal) hook.Decision {
	p.Health = s.health
	p.Query = func(ctx context.Context, sql string) (*hook.Result, error) { return s.query(ctx, p.To, sql) }
	var names []string
	for _, g := range s.guards {
		ctx, cancel := context.WithTimeout(ctx, s.budgets.guard)
		var d hook.Decision
		// A decision that a guard returns because its context ended, for example when its
		// query timed out, counts.
		limit := s.budgets.guard + s.budgets.call
		ok := g.call(ctx, hook.PointGuard, limit, func() {
			proposal := p // each guard has its own copy
			d = g.hook.Guard(ctx, &proposal)
		})
		cancel()
		if ok && (d.Veto || d.Delay > 0) {
			d.By = g.name
			return d
		}
		names = append(names, g.name)
	}
	return hook.Decision{By: strings.Join(names, ", ")}
}

// waitShared returns when no selector needs both sides any more. A selector that is not a
// hook.SharedPhaseGate needs them until the end of the phase.
func (s *hookSet) waitShared(ctx context.Context, shared fsm.Snapshot) {
	var waiting sync.WaitGroup
	for _, sel := range s.selectors {
		waiting.Go(func() {
			if gate, ok := sel.hook.(hook.SharedPhaseGate); ok {
				s.waitGate(ctx, sel.hookCaller, gate, shared)
			} else {
				<-ctx.Done()
			}
		})
	}
	waiting.Wait()
}

// waitGate waits for one gate. A gate that panics no longer needs the phase. A gate that
// ignores the end of ctx is abandoned.
func (s *hookSet) waitGate(ctx context.Context, caller *hookCaller, gate hook.SharedPhaseGate, shared fsm.Snapshot) {
	returned := make(chan struct{})
	began := time.Now()
	go func() {
		defer close(returned)
		defer func() {
			if p := recover(); p != nil {
				caller.logPanic(hook.PointShared, p, debug.Stack())
				caller.succeeded(hook.PointShared, p, began)
			}
		}()
		gate.Wait(ctx, shared)
	}()
	select {
	case <-returned:
	case <-ctx.Done():
	}
}

var _ exec.Hooks = (*hookSet)(nil)

// Choose returns the function that picks the side of a query, and nil without selectors.
func (s *hookSet) Choose(ctx context.Context, st *exec.Statement) router.Choose {
	if len(s.selectors) == 0 {
		return nil
	}
	return func(r *router.Routing) fsm.Side {
		choice := hook.Choice{Labels: st.Labels, Tag: st.Tag, Strategy: r.Snapshot, Health: s.health}
		for _, sel := range s.selectors {
			var side Side
			if sel.call(ctx, hook.PointSelect, s.budgets.call, func() { side = sel.hook.Select(ctx, choice) }) && side.Valid() {
				return side
			}
		}
		return r.Target
	}
}

func (s *hookSet) order(ctx context.Context, d hook.DetectionStart) [2]Side {
	order := d.Order
	for _, o := range s.orderers {
		var want [2]Side
		ctx, cancel := context.WithTimeout(ctx, s.budgets.call)
		ok := o.call(ctx, hook.PointDetectionOrder, s.budgets.call, func() { want = o.hook.DetectionOrder(ctx, d) })
		cancel()
		if ok && want[0].Valid() && want[1] == want[0].Other() {
			order, d.Order = want, want
		}
	}
	return order
}

// begin calls hooks for the start of some work, and returns the context in which the work
// continues.
func begin[H any](ctx context.Context, s *hookSet, hooks []called[H], point string, start func(H, context.Context) context.Context) context.Context {
	for _, h := range hooks {
		var next context.Context
		if h.call(ctx, point, s.budgets.call, func() { next = start(h.hook, ctx) }) && next != nil {
			ctx = next
		}
	}
	return ctx
}

// finish calls hooks for the end of some work, in the reverse order.
func finish[H any](ctx context.Context, s *hookSet, hooks []called[H], point string, end func(H)) {
	for i := len(hooks) - 1; i >= 0; i-- {
		hooks[i].call(ctx, point, s.budgets.call, func() { end(hooks[i].hook) })
	}
}

func (s *hookSet) detection(ctx context.Context, d hook.DetectionStart) (context.Context, func(hook.DetectionEnd)) {
	ctx = begin(ctx, s, s.detections, hook.PointDetectionStart, func(h hook.DetectionHook, ctx context.Context) context.Context { return h.DetectionStart(ctx, d) })
	return ctx, func(e hook.DetectionEnd) {
		finish(ctx, s, s.detections, hook.PointDetectionEnd, func(h hook.DetectionHook) { h.DetectionEnd(ctx, e) })
	}
}

func (s *hookSet) session(ctx context.Context, d hook.SessionStart) (context.Context, func(hook.SessionEnd)) {
	ctx = begin(ctx, s, s.sessions, hook.PointSessionStart, func(h hook.SessionHook, ctx context.Context) context.Context { return h.SessionStart(ctx, d) })
	return ctx, func(e hook.SessionEnd) {
		finish(ctx, s, s.sessions, hook.PointSessionEnd, func(h hook.SessionHook) { h.SessionEnd(ctx, e) })
	}
}

func (s *hookSet) transition(ctx context.Context, d hook.CutoverStart) (context.Context, func(hook.CutoverEnd)) {
	ctx = begin(ctx, s, s.cutovers, hook.PointCutoverStart, func(h hook.CutoverHook, ctx context.Context) context.Context { return h.CutoverStart(ctx, d) })
	return ctx, func(e hook.CutoverEnd) {
		finish(ctx, s, s.cutovers, hook.PointCutoverEnd, func(h hook.CutoverHook) { h.CutoverEnd(ctx, e) })
	}
}

// Query calls the query hooks for the start of a statement, and returns the function that
// calls them for its end.
func (s *hookSet) Query(ctx context.Context, start hook.QueryStart) (context.Context, func(hook.QueryEnd)) {
	if len(s.queries) == 0 {
		return ctx, func(hook.QueryEnd) {}
	}
	began := time.Now()
	ctx = begin(ctx, s, s.queries, hook.PointQueryStart, func(h hook.QueryHook, ctx context.Context) context.Context { return h.QueryStart(ctx, start) })
	return ctx, func(e hook.QueryEnd) {
		e.Took = time.Since(began)
		finish(ctx, s, s.queries, hook.PointQueryEnd, func(h hook.QueryHook) { h.QueryEnd(ctx, e) })
	}
}

// Step runs one step of a query and calls the step hooks, except those that skip the steps
// of this attempt.
func (s *hookSet) Step(ctx context.Context, step *exec.ObservedStep) error {
	if len(s.steps) == 0 {
		return step.Run(ctx)
	}
	return s.observedStep(ctx, step)
}

// observedStep is Step for a client that has step hooks.
func (s *hookSet) observedStep(ctx context.Context, step *exec.ObservedStep) error {
	began, start := time.Now(), step.StepStart
	for i, h := range s.steps {
		if step.Skipped>>i&1 == 1 {
			continue
		}
		var next context.Context
		switch ok := h.call(ctx, hook.PointStepStart, s.budgets.call, func() { next = h.hook.StepStart(ctx, start) }); {
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
			h.call(ctx, hook.PointStepEnd, s.budgets.call, func() { h.hook.StepEnd(ctx, e) })
		}
	}
	return err
}

// maxStepHooks is the number of bits of exec.ObservedStep.Skipped.
const maxStepHooks = 64

// opened and closedDown call the hooks that observe the client itself.
func (s *hookSet) opened(c *Client) {
	for _, h := range s.clients {
		h.call(context.Background(), hook.PointClientOpened, s.budgets.call, func() { h.hook.ClientOpened(c) })
	}
}

func (s *hookSet) closedDown(ctx context.Context, c *Client) {
	for _, h := range s.clients {
		budget := s.budgets.close
		if deadline, ok := ctx.Deadline(); ok {
			budget = max(time.Until(deadline), time.Millisecond)
		}
		h.call(context.Background(), hook.PointClientClosed, budget, func() { h.hook.ClientClosed(c) })
	}
}
