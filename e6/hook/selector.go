package hook

import (
	"context"

	"github.com/e6data/e6data-go/e6/fsm"
)

// Selector picks the side of one new query in the shared phase of a transition, in which
// both sides take new queries. A transition has that phase only if the client has a
// Selector. fsm.None leaves the choice to the next Selector; without a choice the query
// is routed to the target. A query that is retried after a failure is routed to the
// target.
//
// The shared phase ends after Config.SharedTimeout. A Selector that is also a
// SharedPhaseGate can end it earlier.
type Selector interface {
	Select(ctx context.Context, c Choice) fsm.Side
}

// Choice is one query for which a Selector picks a side.
type Choice struct {
	// Labels and Tag are those of the query: see e6.Label and e6.Tag. Do not write to
	// the map.
	Labels map[string]string
	Tag    string
	// Strategy is the state of the machine: the sides are Strategy.Origin() and
	// Strategy.Target. Strategy.Since is the start of the phase.
	Strategy fsm.Snapshot
	// Health returns the recent health of a side.
	Health func(side fsm.Side) SideHealth
}

// SharedPhaseGate is a Selector that knows when it no longer needs both sides. Wait is
// called when the shared phase begins, with the state of the machine, and returns when
// the selector no longer needs the phase. ctx ends with the phase. The phase ends when
// the Wait of every selector has returned, and at the latest after Config.SharedTimeout.
// A Selector that is not a SharedPhaseGate needs both sides until that timeout. Open
// refuses a selector that has a method Wait with another signature.
type SharedPhaseGate interface {
	Selector
	Wait(ctx context.Context, shared fsm.Snapshot)
}

// DetectionOrderer returns the order in which a detection probes the sides. The default
// is s.Order: after a refusal the other side first, otherwise the last known side. A
// result that does not name both sides, each once, is ignored.
type DetectionOrderer interface {
	DetectionOrder(ctx context.Context, s DetectionStart) [2]fsm.Side
}
