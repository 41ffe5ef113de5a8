package events

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// ChangeKind is the kind of a change of the active side. The set is bounded, so it can be
// an attribute of a metric.
type ChangeKind string

// The kinds of changes.
const (
	// ChangeAnnounced: the cluster announced the other side, and the side accepted.
	ChangeAnnounced ChangeKind = "announced"
	// ChangeStore: a record of the shared store named the other side, and the side accepted.
	ChangeStore ChangeKind = "store"
	// ChangeRequested: the application called Switch, and the side accepted.
	ChangeRequested ChangeKind = "requested"
	// ChangeRolledBack: a rollback to the previous side, because of the health policy, the
	// vetoes of other clients, or a call of Rollback.
	ChangeRolledBack ChangeKind = "rolled_back"
	// ChangeAborted: the target failed after it accepted, and the origin accepts.
	ChangeAborted ChangeKind = "aborted"
	// ChangeAbrupt: the active side refused calls or was unreachable, and a
	// detection settled on the other side. There was no announcement.
	ChangeAbrupt ChangeKind = "abrupt"
	// ChangeDetected: a detection settled on a side without a failure before it:
	// on first use, after a reset, or after a detection that found no side.
	ChangeDetected ChangeKind = "detected"
	// ChangeReset: the application called Reset, and no side is active.
	ChangeReset ChangeKind = "reset"
)

// AllChangeKinds lists the kinds of changes.
func AllChangeKinds() []ChangeKind {
	return []ChangeKind{
		ChangeAnnounced, ChangeStore, ChangeRequested, ChangeRolledBack, ChangeAborted, ChangeAbrupt, ChangeDetected, ChangeReset,
	}
}

// text is the kind as the text of an event has it.
func (k ChangeKind) text() string {
	switch k {
	case ChangeStore:
		return "named by the store"
	case ChangeRolledBack:
		return "rolled back"
	}
	return string(k)
}

// KindStrategyChanged is the kind of StrategyChanged.
const KindStrategyChanged Kind = "strategy_changed"

// StrategyChanged: the active side, which is the side of new queries, changed. It is
// published once for every change: when the target of a transition accepts, when that
// transition is aborted afterwards, when a detection settles on another side, and when the
// client is reset. It is not published for a detection that settles on the same side, or a
// transition that is aborted before its target accepted. It precedes the Transition of the
// same step.
type StrategyChanged struct {
	// From is the side that was active before, and None if none was: on first use
	// and after a reset. To is the side that is active now, and None after a reset.
	From, To fsm.Side
	// Change is the kind of the change.
	Change ChangeKind
	// Cause is the first cause of the change: the announcement, the refusal, the
	// request. It is the Cause of the event too.
	Cause fsm.Cause
	// Took is the duration until the change. It starts at the announcement, the first
	// refused or failed call, the request, or on first use at the start of the detection.
	Took time.Duration
	// InFlight is the number of queries in flight on From at the change.
	InFlight int64
	// Epoch is the epoch that starts with the change.
	Epoch uint64
	// Transition is the number of the transition from side to side that the change
	// belongs to, and 0 for a change without one: abrupt, detected, reset.
	Transition uint64
}

// String describes the event in one line.
func (d StrategyChanged) String() string {
	s := fmt.Sprintf("active side changed from %s to %s (%s) after %s with %d queries in flight on %s",
		d.From, d.To, d.Change.text(), short(d.Took), d.InFlight, d.From)
	if d.From == fsm.None {
		s = fmt.Sprintf("active side is %s (%s) after %s", d.To, d.Change.text(), short(d.Took))
	}
	if d.Cause.Reason != "" {
		s += ": " + d.Cause.String()
	}
	return s
}

func (d StrategyChanged) attrs(a *attrs) {
	a.side("from", d.From)
	a.side("to", d.To)
	a.text("change", string(d.Change))
	a.ms("took_ms", d.Took)
	a.add(slog.Int64("in_flight", d.InFlight), slog.Uint64("epoch", d.Epoch), slog.Uint64("transition", d.Transition))
}

func (d StrategyChanged) sides() sideSet { return sidesOf(d.From, d.To) }

// level is warn for a change that was neither announced nor requested.
func (d StrategyChanged) level(fsm.Reason) slog.Level {
	switch d.Change {
	case ChangeAbrupt, ChangeAborted:
		return slog.LevelWarn
	case ChangeRolledBack:
		return warnIf(d.Cause.Reason != fsm.ReasonCaller)
	}
	return slog.LevelInfo
}
