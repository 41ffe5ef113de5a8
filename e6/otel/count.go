package e6otel

import (
	"context"

	"go.opentelemetry.io/otel/attribute"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
)

// counted are the kinds of events that add to counters.
var counted = []events.Kind{
	events.KindTransition, events.KindStrategyChanged, events.KindQueryRetried, events.KindQueryReplayed, events.KindQueryContinued, events.KindQueryLost, events.KindQueryAbandoned,
	events.KindGuardDecided, events.KindClusterResume, events.KindHookFailed, events.KindClosed,
}

// onEvent counts an event. Its calls do not overlap.
func (c *client) onEvent(e events.Event) {
	switch d := e.Data.(type) {
	case events.Transition:
		c.count(nameTransitions, 1, keyEvent.String(d.Event.String()), cause(d.Cause))
	case events.StrategyChanged:
		c.count(nameCutovers, 1, keyKind.String(string(d.Change)), cause(d.Cause), sideOf(keyFrom, d.From), sideOf(keyTo, d.To))
		if d.Change == events.ChangeRolledBack {
			c.count(nameRollbacks, 1, cause(d.Cause))
		}
	case events.QueryRetried:
		c.countSide(nameRetried, d.From)
	case events.QueryReplayed:
		c.countSide(nameReplayed, d.From)
	case events.QueryContinued:
		c.countSide(nameContinued, d.From)
	case events.QueryLost:
		c.countSide(nameLost, d.Side)
	case events.QueryAbandoned:
		c.countSide(nameAbandoned, d.Side)
	case events.GuardDecided:
		if d.Decision == "veto" && !d.Overruled {
			c.count(nameVetoes, 1)
		}
	case events.ClusterResume:
		if d.Done {
			c.count(nameResumes, 1, result(d.Error == "", "ok"))
		}
	case events.HookFailed:
		c.count(nameHooksFailed, d.Count, keyPoint.String(d.Point), keyProblem.String(d.Problem))
	case events.Closed:
		close(c.last)
	}
}

func (c *client) count(name string, n int64, attrs ...attribute.KeyValue) {
	c.inst.instruments.counters[name].Add(context.Background(), n, c.set(attrs...).add...)
}

func (c *client) countSide(name string, side fsm.Side) {
	c.inst.instruments.counters[name].Add(context.Background(), 1, c.side(side).add...)
}

func cause(c fsm.Cause) attribute.KeyValue { return keyCause.String(string(c.Reason)) }

// result is the attribute e6.result: good, or failed.
func result(ok bool, good string) attribute.KeyValue {
	if ok {
		return keyResult.String(good)
	}
	return keyResult.String("failed")
}
