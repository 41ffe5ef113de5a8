package e6

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/router"
)

// called is a hook of one kind with what makes its calls.
type called[H any] struct {
	hook H
	*hookCaller
}

// hookSet is the hooks of a client by what they do.
type hookSet struct {
	c          *Client
	calls      hookCalls
	guards     []called[Guard]
	selectors  []called[Selector]
	orderers   []called[DetectionOrderer]
	clients    []called[ClientHook]
	queries    []called[QueryHook]
	steps      []called[StepHook]
	detections []called[DetectionHook]
	sessions   []called[SessionHook]
	cutovers   []called[CutoverHook]
}

// A limitedHook is one of this package's hooks that can be set up wrongly.
type limitedHook interface{ problems() []Problem }

// problemsOf lists the hooks that would never be called, or do nothing useful.
func problemsOf(hooks []Hook) (problems []Problem) {
	if steps := newHookSet(nil, hooks).steps; len(steps) > maxStepHooks {
		problems = append(problems, Problem{Field: "WithHooks", Value: fmt.Sprintf("%d StepHooks", len(steps)), Want: fmt.Sprintf("%d at the most", maxStepHooks)})
	}
	for i, h := range hooks {
		if own, ok := h.(limitedHook); ok {
			problems = append(problems, own.problems()...)
		}
		if new(hookSet).add(h) == 0 {
			problems = append(problems, Problem{
				Field: fmt.Sprintf("WithHooks[%d]", i), Value: fmt.Sprintf("%T", h),
				Want: "a value that implements one of the hook interfaces, such as Guard or QueryHook",
			})
		}
	}
	return problems
}

func newHookSet(c *Client, hooks []Hook) *hookSet {
	s := &hookSet{c: c}
	for _, h := range hooks {
		s.add(h)
	}
	return s
}

// add adds a hook for everything that it does, and returns for how much.
func (s *hookSet) add(h Hook) int {
	name := fmt.Sprintf("%T", h)
	if named, ok := h.(fmt.Stringer); ok {
		name = named.String()
	}
	fast, _ := h.(InlineHook) // of what observes only
	shared := &hookCaller{c: s.c, name: name, fast: fast}
	one := func() *hookCaller { return &hookCaller{c: s.c, name: name, turn: make(chan struct{}, 1)} }
	before := s.len()
	s.guards = appendIf(s.guards, h, one)
	s.selectors = appendIf(s.selectors, h, one)
	s.orderers = appendIf(s.orderers, h, one)
	many := func() *hookCaller { return shared }
	s.clients = appendIf(s.clients, h, many)
	s.queries = appendIf(s.queries, h, many)
	s.steps = appendIf(s.steps, h, many)
	s.detections = appendIf(s.detections, h, many)
	s.sessions = appendIf(s.sessions, h, many)
	s.cutovers = appendIf(s.cutovers, h, many)
	return s.len() - before
}

func (s *hookSet) len() int {
	return len(s.guards) + len(s.selectors) + len(s.orderers) + len(s.clients) + len(s.queries) + len(s.steps) +
		len(s.detections) + len(s.sessions) + len(s.cutovers)
}

func appendIf[H any](all []called[H], h Hook, caller func() *hookCaller) []called[H] {
	if hook, ok := h.(H); ok {
		return append(all, called[H]{hook, caller()})
	}
	return all
}

// cutover returns what the router calls.
func (s *hookSet) cutover() router.Hooks {
	var h router.Hooks
	if len(s.guards) > 0 {
		h.Guard = s.guard
	}
	if len(s.selectors) > 0 {
		h.WaitShared = s.hold
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

// guard asks the guards in turn. The first that does not allow the transition
// decides.
func (s *hookSet) guard(ctx context.Context, p router.Proposal) router.Decision {
	var names []string
	for _, g := range s.guards {
		ctx, cancel := context.WithTimeout(ctx, s.c.cfg.GuardBudget)
		var d Decision
		// A guard that ends with its context, as a query of it does, has answered.
		limit := s.c.cfg.GuardBudget + s.c.cfg.HookBudget
		ok := g.call(ctx, PointGuard, limit, func() {
			d = g.hook.Guard(ctx, &Proposal{
				ID: p.ID, Event: p.Event, From: p.From, To: p.To, Cause: p.Cause, Attempt: p.Attempt, InFlight: p.InFlight, c: s.c,
			})
		})
		cancel()
		if ok && (d.Veto || d.Delay > 0) {
			d.By = g.name
			return d
		}
		names = append(names, g.name)
	}
	return router.Decision{By: strings.Join(names, ", ")}
}

// hold waits until no selector needs both sides. One that never says so needs
// them until the end of the phase.
func (s *hookSet) hold(ctx context.Context, shared fsm.Snapshot) {
	var holding sync.WaitGroup
	for _, sel := range s.selectors {
		holding.Go(func() {
			if h, ok := sel.hook.(SharedPhaseGate); ok {
				s.holdOne(ctx, sel.hookCaller, h, shared)
			} else {
				<-ctx.Done()
			}
		})
	}
	holding.Wait()
}

// holdOne waits for one SharedPhaseGate. One that panics, or does not notice that the
// phase has ended, is left behind.
func (s *hookSet) holdOne(ctx context.Context, caller *hookCaller, h SharedPhaseGate, shared fsm.Snapshot) {
	returned := make(chan struct{})
	began := time.Now()
	go func() {
		defer close(returned)
		defer func() {
			if p := recover(); p != nil {
				caller.caught(PointShared, p, debug.Stack())
				caller.judge(PointShared, p, began)
			}
		}()
		h.Wait(ctx, shared)
	}()
	select {
	case <-returned:
	case <-ctx.Done():
	}
}

// choose returns how the side of a query is picked, and nil if there is nothing
// to pick.
func (s *hookSet) choose(ctx context.Context, o *queryOptions) router.Choose {
	if len(s.selectors) == 0 {
		return nil
	}
	return func(r *router.Routing) fsm.Side {
		choice := Choice{Labels: o.labels, Tag: o.tag, Strategy: r.Snapshot, c: s.c}
		for _, sel := range s.selectors {
			var side Side
			if sel.call(ctx, PointSelect, s.c.cfg.HookBudget, func() { side = sel.hook.Select(ctx, choice) }) && side.Valid() {
				return side
			}
		}
		return r.Target
	}
}

func (s *hookSet) order(ctx context.Context, d DetectionStart) [2]Side {
	order := d.Order
	for _, o := range s.orderers {
		var want [2]Side
		ctx, cancel := context.WithTimeout(ctx, s.c.cfg.HookBudget)
		ok := o.call(ctx, PointDetectionOrder, s.c.cfg.HookBudget, func() { want = o.hook.DetectionOrder(ctx, d) })
		cancel()
		if ok && want[0].Valid() && want[1] == want[0].Other() {
			order, d.Order = want, want
		}
	}
	return order
}

// begin tells hooks that something begins, and returns the context that it goes
// on in.
func begin[H any](ctx context.Context, s *hookSet, hooks []called[H], point string, start func(H, context.Context) context.Context) context.Context {
	for _, h := range hooks {
		var next context.Context
		if h.call(ctx, point, s.c.cfg.HookBudget, func() { next = start(h.hook, ctx) }) && next != nil {
			ctx = next
		}
	}
	return ctx
}

// finish tells hooks that something has ended, the last one first.
func finish[H any](ctx context.Context, s *hookSet, hooks []called[H], point string, end func(H)) {
	for i := len(hooks) - 1; i >= 0; i-- {
		hooks[i].call(ctx, point, s.c.cfg.HookBudget, func() { end(hooks[i].hook) })
	}
}

func (s *hookSet) detection(ctx context.Context, d DetectionStart) (context.Context, func(DetectionEnd)) {
	ctx = begin(ctx, s, s.detections, PointDetectionStart, func(h DetectionHook, ctx context.Context) context.Context { return h.DetectionStart(ctx, d) })
	return ctx, func(e DetectionEnd) {
		finish(ctx, s, s.detections, PointDetectionEnd, func(h DetectionHook) { h.DetectionEnd(ctx, e) })
	}
}

func (s *hookSet) session(ctx context.Context, d SessionStart) (context.Context, func(SessionEnd)) {
	ctx = begin(ctx, s, s.sessions, PointSessionStart, func(h SessionHook, ctx context.Context) context.Context { return h.SessionStart(ctx, d) })
	return ctx, func(e SessionEnd) {
		finish(ctx, s, s.sessions, PointSessionEnd, func(h SessionHook) { h.SessionEnd(ctx, e) })
	}
}

func (s *hookSet) transition(ctx context.Context, d CutoverStart) (context.Context, func(CutoverEnd)) {
	ctx = begin(ctx, s, s.cutovers, PointCutoverStart, func(h CutoverHook, ctx context.Context) context.Context { return h.CutoverStart(ctx, d) })
	return ctx, func(e CutoverEnd) {
		finish(ctx, s, s.cutovers, PointCutoverEnd, func(h CutoverHook) { h.CutoverEnd(ctx, e) })
	}
}

// query tells the query hooks about a statement.
func (s *hookSet) query(ctx context.Context, q *query) (context.Context, func(QueryEnd)) {
	if len(s.queries) == 0 {
		return ctx, func(QueryEnd) {}
	}
	began := time.Now()
	start := QueryStart{SQL: q.sql, Template: q.template, Tag: q.opts.tag, Labels: q.opts.labels, Catalog: q.opts.catalog, Schema: q.opts.schema}
	ctx = begin(ctx, s, s.queries, PointQueryStart, func(h QueryHook, ctx context.Context) context.Context { return h.QueryStart(ctx, start) })
	return ctx, func(e QueryEnd) {
		e.Took = time.Since(began)
		finish(ctx, s, s.queries, PointQueryEnd, func(h QueryHook) { h.QueryEnd(ctx, e) })
	}
}

// step runs one step of a query and tells the step hooks about it, but for those
// that are spared the steps of this execution: each is a bit.
func (s *hookSet) step(ctx context.Context, q *query, start StepStart, spared *uint64, do func(context.Context) error) error {
	if len(s.steps) == 0 {
		return do(ctx)
	}
	return s.observed(ctx, q, start, spared, do)
}

// observed is a step that hooks are told about.
func (s *hookSet) observed(ctx context.Context, q *query, start StepStart, spared *uint64, do func(context.Context) error) error {
	began := time.Now()
	for i, h := range s.steps {
		if *spared>>i&1 == 1 {
			continue
		}
		var next context.Context
		if !h.call(ctx, PointStepStart, s.c.cfg.HookBudget, func() { next = h.hook.StepStart(ctx, start) }) || next == nil {
			continue
		}
		if skip, ok := next.(skipSteps); ok {
			*spared |= 1 << i
			next = skip.Context
		}
		ctx = next
	}
	err := do(ctx)
	e := StepEnd{StepStart: start, Took: time.Since(began), Rows: q.rows, Batches: q.batches, Bytes: q.bytes, Err: err}
	if !q.continuedAt.IsZero() {
		e.Continued, e.Verified = q.continuedAt, q.have.rows
	}
	for i := len(s.steps) - 1; i >= 0; i-- {
		if h := s.steps[i]; *spared>>i&1 == 0 {
			h.call(ctx, PointStepEnd, s.c.cfg.HookBudget, func() { h.hook.StepEnd(ctx, e) })
		}
	}
	return err
}

// skipSteps is the context that SkipSteps returns.
type skipSteps struct{ context.Context }

// maxStepHooks is how many can be spared.
const maxStepHooks = 64

// opened and closedDown tell about the client itself.
func (s *hookSet) opened() {
	for _, h := range s.clients {
		h.call(context.Background(), PointClientOpened, s.c.cfg.HookBudget, func() { h.hook.ClientOpened(s.c) })
	}
}

func (s *hookSet) closedDown(ctx context.Context) {
	for _, h := range s.clients {
		budget := s.c.cfg.CloseTimeout
		if deadline, ok := ctx.Deadline(); ok {
			budget = max(time.Until(deadline), time.Millisecond)
		}
		h.call(context.Background(), PointClientClosed, budget, func() { h.hook.ClientClosed(s.c) })
	}
}
