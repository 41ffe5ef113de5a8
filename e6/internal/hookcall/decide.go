package hookcall

import (
	"context"
	"strings"
	"sync"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/exec"
	"github.com/e6data/e6data-go/e6/internal/router"
)

// guard calls the guards one after the other. The first that does not allow the
// transition decides. A guard that fails allows it.
func (s *Set) guard(ctx context.Context, p hook.Proposal) hook.Decision {
	p.Health = s.Health
	p.Query = func(ctx context.Context, sql string) (*hook.Result, error) { return s.GuardQuery(ctx, p.To, sql) }
	var names []string
	for _, g := range s.guards {
		ctx, cancel := context.WithTimeout(ctx, s.GuardBudget)
		var d hook.Decision
		// A decision that a guard returns because its context ended, for example when its
		// query timed out, counts.
		limit := s.GuardBudget + s.Budget
		ok := g.Call(ctx, hook.PointGuard, limit, func() {
			proposal := p // each guard has its own copy
			d = g.Hook.Guard(ctx, &proposal)
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
func (s *Set) waitShared(ctx context.Context, shared fsm.Snapshot) {
	var waiting sync.WaitGroup
	for _, sel := range s.selectors {
		waiting.Go(func() {
			if gate, ok := sel.Hook.(hook.SharedPhaseGate); ok {
				waitGate(ctx, sel.Caller, gate, shared)
			} else {
				<-ctx.Done()
			}
		})
	}
	waiting.Wait()
}

// waitGate waits for one gate. A gate that panics no longer needs the phase. A gate that
// ignores the end of ctx is abandoned.
func waitGate(ctx context.Context, caller *Caller, gate hook.SharedPhaseGate, shared fsm.Snapshot) {
	returned := make(chan struct{})
	go func() {
		defer close(returned)
		_ = caller.Protect(hook.PointShared, func() error { // it is logged and published
			gate.Wait(ctx, shared)
			return nil
		})
	}()
	select {
	case <-returned:
	case <-ctx.Done():
	}
}

// Choose returns the function that picks the side of a query, and nil without selectors.
func (s *Set) Choose(ctx context.Context, st *exec.Statement) router.Choose {
	if len(s.selectors) == 0 {
		return nil
	}
	return func(r *router.Routing) fsm.Side {
		choice := hook.Choice{Labels: st.Labels, Tag: st.Tag, Strategy: r.Snapshot, Health: s.Health}
		for _, sel := range s.selectors {
			var side fsm.Side
			if sel.Call(ctx, hook.PointSelect, s.Budget, func() { side = sel.Hook.Select(ctx, choice) }) && side.Valid() {
				return side
			}
		}
		return r.Target
	}
}

// order returns the order in which a detection tries the sides.
func (s *Set) order(ctx context.Context, d hook.DetectionStart) [2]fsm.Side {
	order := d.Order
	for _, o := range s.orderers {
		var want [2]fsm.Side
		ctx, cancel := context.WithTimeout(ctx, s.Budget)
		ok := o.Call(ctx, hook.PointDetectionOrder, s.Budget, func() { want = o.Hook.DetectionOrder(ctx, d) })
		cancel()
		if ok && want[0].Valid() && want[1] == want[0].Other() {
			order, d.Order = want, want
		}
	}
	return order
}
