package hookcall

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/exec"
	"github.com/e6data/e6data-go/e6/internal/router"
)

// newSet returns a Set of these hooks.
func newSet(r *rig, h Hooks) *Set {
	return NewSet(r.Env, Config{
		Budget: budget, GuardBudget: time.Second,
		Health: func(s fsm.Side) hook.SideHealth { return hook.SideHealth{Side: s} },
		GuardQuery: func(_ context.Context, side fsm.Side, sql string) (*hook.Result, error) {
			return &hook.Result{Rows: [][]any{{side.String() + ": " + sql}}}, nil
		},
	}, &h)
}

// guard is a hook.Guard made of a function.
type guard func(ctx context.Context, p *hook.Proposal) hook.Decision

func (g guard) Guard(ctx context.Context, p *hook.Proposal) hook.Decision { return g(ctx, p) }

func TestSet_FunctionsWithoutAHookAreNil(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		s := newSet(r, Hooks{})
		require.Equal(t, router.Hooks{}, s.Router())
		require.Nil(t, s.Choose(t.Context(), &exec.Statement{}))
	})
}

func TestGuards_TheFirstThatDoesNotAllowDecides(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var calls []string
		named := func(name string, d hook.Decision) hook.Guard {
			return guard(func(_ context.Context, p *hook.Proposal) hook.Decision {
				calls = append(calls, name+" "+p.To.String())
				p.To = fsm.Blue // of the copy of this guard
				return d
			})
		}
		s := newSet(r, Hooks{Guards: []hook.Guard{
			named("allows", hook.Allow()), named("vetoes", hook.Decision{Veto: true, Reason: "no"}), named("unused", hook.Allow()),
		}})
		d := s.Router().Guard(t.Context(), hook.Proposal{To: fsm.Green})
		require.True(t, d.Veto)
		require.Equal(t, "hookcall.guard", d.By)
		require.Equal(t, []string{"allows green", "vetoes green"}, calls)
	})
}

func TestGuards_QueriesRunOnTheTarget(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var got any
		var health hook.SideHealth
		s := newSet(r, Hooks{Guards: []hook.Guard{guard(func(ctx context.Context, p *hook.Proposal) hook.Decision {
			result, _ := p.Query(ctx, "SELECT 1")
			got, health = result.Rows[0][0], p.Health(fsm.Green)
			return hook.Allow()
		})}})
		require.False(t, s.Router().Guard(t.Context(), hook.Proposal{To: fsm.Green}).Veto)
		require.Equal(t, "green: SELECT 1", got)
		require.Equal(t, fsm.Green, health.Side)
	})
}

func TestGuards_AStuckGuardAllowsAndADecisionAtTheEndOfItsContextCounts(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		release := make(chan struct{})
		stuck := newSet(r, Hooks{Guards: []hook.Guard{guard(func(context.Context, *hook.Proposal) hook.Decision {
			<-release
			return hook.Decision{Veto: true}
		})}})
		began := time.Now()
		require.False(t, stuck.Router().Guard(t.Context(), hook.Proposal{}).Veto)
		require.Equal(t, time.Second+budget, time.Since(began))
		close(release)

		late := newSet(r, Hooks{Guards: []hook.Guard{guard(func(ctx context.Context, _ *hook.Proposal) hook.Decision {
			<-ctx.Done()
			return hook.Decision{Veto: true, Reason: "the smoke query timed out"}
		})}})
		require.True(t, late.Router().Guard(t.Context(), hook.Proposal{}).Veto)
	})
}

// selector is a hook.Selector made of a function.
type selector func(hook.Choice) fsm.Side

func (s selector) Select(_ context.Context, c hook.Choice) fsm.Side { return s(c) }

func TestSelectors_TheFirstThatReturnsASideDecides(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		const none = fsm.Side(0)
		routing := &router.Routing{Snapshot: fsm.Snapshot{Target: fsm.Green}}
		choose := func(all ...hook.Selector) fsm.Side {
			return newSet(r, Hooks{Selectors: all}).Choose(t.Context(), &exec.Statement{Tag: "tag"})(routing)
		}
		skip := selector(func(hook.Choice) fsm.Side { return none })
		blue := selector(func(c hook.Choice) fsm.Side {
			if c.Tag != "tag" || c.Strategy.Target != fsm.Green {
				return none
			}
			return fsm.Blue
		})
		slow := selector(func(hook.Choice) fsm.Side {
			time.Sleep(2 * budget)
			return fsm.Blue
		})
		require.Equal(t, fsm.Blue, choose(skip, blue))
		require.Equal(t, fsm.Green, choose(skip), "the default is the target")
		require.Equal(t, fsm.Green, choose(slow), "the side that an abandoned call returns does not count")
		time.Sleep(2 * budget) // until the call has returned
	})
}

// gate is a selector that needs the shared phase until wait returns.
type gate struct {
	selector
	wait func(context.Context)
}

func (g gate) Wait(ctx context.Context, _ fsm.Snapshot) { g.wait(ctx) }

func TestWaitShared_ReturnsWhenTheLastGateNeedsBothSidesNoMore(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		took := func(all ...hook.Selector) time.Duration {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			began := time.Now()
			newSet(r, Hooks{Selectors: all}).Router().WaitShared(ctx, fsm.Snapshot{})
			return time.Since(began)
		}
		minute := gate{wait: func(context.Context) { time.Sleep(time.Minute) }}
		require.Equal(t, time.Minute, took(minute, gate{wait: func(context.Context) {}}))
		require.Equal(t, time.Hour, took(minute, selector(nil)), "a selector without a gate needs the whole phase")
		require.Zero(t, took(gate{wait: func(context.Context) { panic("in a gate") }}))
		require.Equal(t, hook.PointShared, r.failures()[0].Point)

		release := make(chan struct{})
		require.Equal(t, time.Hour, took(gate{wait: func(context.Context) { <-release }}), "a stuck gate is abandoned")
		close(release)
		synctest.Wait()
	})
}

// orderer is a hook.DetectionOrderer that returns these sides.
type orderer [2]fsm.Side

func (o orderer) DetectionOrder(context.Context, hook.DetectionStart) [2]fsm.Side { return o }

func TestDetectionOrder_TheLastValidOrderCounts(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		blueFirst, greenFirst := orderer{fsm.Blue, fsm.Green}, orderer{fsm.Green, fsm.Blue}
		order := func(all ...hook.DetectionOrderer) orderer {
			return newSet(r, Hooks{Orderers: all}).Router().Order(t.Context(), hook.DetectionStart{Order: blueFirst})
		}
		require.Equal(t, greenFirst, order(blueFirst, greenFirst))
		require.Equal(t, greenFirst, order(greenFirst, orderer{fsm.Blue, fsm.Blue}), "one side twice is no order")
		require.Equal(t, blueFirst, order(orderer{}))
	})
}

// key is the key of the name of the last hook in a context.
type key struct{}

// observer records the calls of a hook.QueryHook, each with the name of the hook whose
// context it got.
type observer struct {
	name string
	log  *[]string
}

func (o observer) QueryStart(ctx context.Context, _ hook.QueryStart) context.Context {
	before, _ := ctx.Value(key{}).(string)
	*o.log = append(*o.log, "start "+o.name+" after "+before)
	return context.WithValue(ctx, key{}, o.name)
}

func (o observer) QueryEnd(ctx context.Context, e hook.QueryEnd) {
	*o.log = append(*o.log, "end "+o.name+" took "+e.Took.String())
}

func TestQueryHooks_AreNested(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var log []string
		s := newSet(r, Hooks{Queries: []hook.QueryHook{observer{"first", &log}, observer{"second", &log}}})
		ctx, end := s.Query(t.Context(), hook.QueryStart{})
		require.Equal(t, "second", ctx.Value(key{}))
		time.Sleep(time.Second)
		end(hook.QueryEnd{})
		require.Equal(t, []string{"start first after ", "start second after first", "end second took 1s", "end first took 1s"}, log)
	})
}
