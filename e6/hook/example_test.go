package hook_test

import (
	"context"
	"fmt"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
)

// smokeTest vetoes a transition if the target does not answer.
type smokeTest struct{}

func (smokeTest) Guard(ctx context.Context, p *hook.Proposal) hook.Decision {
	if p.InFlight > 100 {
		return hook.Delay(time.Minute, "many queries run on "+p.From.String())
	}
	result, err := p.Query(ctx, "SELECT count(*) FROM sales.orders")
	if err != nil {
		return hook.Veto("smoke test: " + err.Error())
	}
	if n, ok := result.Rows[0][0].(int64); !ok || n == 0 {
		return hook.Veto(p.To.String() + " has no orders")
	}
	return hook.Allow()
}

// A Guard is added with e6.WithGuard. A test can call it without a cluster: it sets the
// fields of the Proposal.
func ExampleGuard() {
	var g hook.Guard = smokeTest{}
	d := g.Guard(context.Background(), &hook.Proposal{
		From: fsm.Blue, To: fsm.Green,
		Query: func(context.Context, string) (*hook.Result, error) {
			return &hook.Result{Columns: []string{"count"}, Rows: [][]any{{int64(0)}}}, nil
		},
	})
	fmt.Println(d.Veto, d.Reason)
	// Output: true green has no orders
}

// reportsStay routes the queries of the reports to the origin as long as both sides take
// new queries.
type reportsStay struct{}

func (reportsStay) Select(_ context.Context, c hook.Choice) fsm.Side {
	if c.Labels["kind"] == "report" {
		return c.Strategy.Origin()
	}
	return fsm.None
}

// A Selector is added with e6.WithSelector. None leaves the choice to the next one.
func ExampleSelector() {
	shared := fsm.Snapshot{State: fsm.StateTransitioning, Phase: fsm.PhaseShared, Active: fsm.Green, Target: fsm.Green}
	selectors := []hook.Selector{reportsStay{}, hook.AllToTarget{}}
	for _, kind := range []string{"report", "lookup"} {
		choice := hook.Choice{Labels: map[string]string{"kind": kind}, Strategy: shared}
		for _, s := range selectors {
			if side := s.Select(context.Background(), choice); side.Valid() {
				fmt.Println(kind, "->", side)
				break
			}
		}
	}
	// Output:
	// report -> blue
	// lookup -> green
}

// Every tenant keeps its side during the canary.
func ExampleCanary() {
	fmt.Println(hook.Canary{From: 0.05, Ramp: 10 * time.Minute, Key: "tenant"})
	fmt.Println(hook.Canary{From: 5}.Validate())
	// Output:
	// Canary(0.05 in 10m0s)
	// Canary.From from 0 to 1
}
