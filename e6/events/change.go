package events

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// ChangeKind is the kind of a change of the active side. The set is bounded: a
// kind is fit for an attribute of a metric.
type ChangeKind string

// The kinds of changes.
const (
	// ChangeAnnounced: the cluster announced the other side, and that accepted.
	ChangeAnnounced ChangeKind = "announced"
	// ChangeStore: the shared store named the other side, and that accepted.
	ChangeStore ChangeKind = "store"
	// ChangeRequested: the application called Switch, and the side accepted.
	ChangeRequested ChangeKind = "requested"
	// ChangeRolledBack: back to the old side, because of the health policy, the
	// vetoes of other clients, or a call of Rollback.
	ChangeRolledBack ChangeKind = "rolled_back"
	// ChangeAborted: the new side failed after it had accepted, and the old side
	// still accepts.
	ChangeAborted ChangeKind = "aborted"
	// ChangeAbrupt: the active side refused calls or was unreachable, and a
	// detection settled on the other side. There was no announcement.
	ChangeAbrupt ChangeKind = "abrupt"
	// ChangeDetected: a detection settled on a side without a failure before it:
	// on first use, after a reset, or after a detection that had found no side.
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

// words is the kind as a sentence has it.
func (k ChangeKind) words() string {
	switch k {
	case ChangeStore:
		return "named by the store"
	case ChangeRolledBack:
		return "rolled back"
	}
	return string(k)
}

// StrategyChanged: the active side changed, which is the side of new queries. There
// is one for every change, whatever its kind: when the target of a transition
// accepts, when such a transition is aborted afterwards, when a detection settles on
// another side than before, and when the client is reset. A detection that settles
// on the same side again changes nothing, and neither does a transition that is
// aborted before its target accepted. It comes before the Transition of the step that
// made the change.
type StrategyChanged struct {
	// From is the side that was active before, and None if none was: on first use
	// and after a reset. To is the side that is active now, and None after a reset.
	From, To fsm.Side
	// Change is the kind of the change.
	Change ChangeKind
	// Cause is what the change began with: the announcement, the refusal, the
	// request. It is the Cause of the event too.
	Cause fsm.Cause
	// Took is the time from the first sign of the change until the change. The
	// first sign is the announcement, the first refused or failed call, the request,
	// or the start of the detection on first use.
	Took time.Duration
	// InFlight is the number of queries that ran on From at the change.
	InFlight int64
	// Epoch is the epoch that began with the change.
	Epoch uint64
	// Transition is the number of the transition from side to side that the change
	// belongs to, and 0 if it belongs to none: abrupt, detected, reset.
	Transition uint64
}

// Kind implements Data.
func (StrategyChanged) Kind() Kind { return KindStrategyChanged }

func (StrategyChanged) sealed() {}

// String says what happened in one line.
func (d StrategyChanged) String() string {
	s := fmt.Sprintf("active side changed from %s to %s (%s) after %s with %d queries in flight on %s",
		d.From, d.To, d.Change.words(), short(d.Took), d.InFlight, d.From)
	if d.From == fsm.None {
		s = fmt.Sprintf("active side is %s (%s) after %s", d.To, d.Change.words(), short(d.Took))
	}
	if d.Cause.Reason != "" {
		s += ": " + d.Cause.String()
	}
	return s
}

// message is the message of the log record; the rest is in its attributes.
func (StrategyChanged) message() string { return "active side changed" }

func (d StrategyChanged) attrs(a *attrs) {
	a.side("from", d.From)
	a.side("to", d.To)
	a.text("change", string(d.Change))
	a.add(slog.Duration("took", d.Took), slog.Int64("in_flight", d.InFlight),
		slog.Uint64("epoch", d.Epoch), slog.Uint64("transition", d.Transition))
}

// level is Warn for a change that the cluster did not announce and nobody asked
// for.
func (d StrategyChanged) level() slog.Level {
	switch d.Change {
	case ChangeAbrupt, ChangeAborted:
		return slog.LevelWarn
	case ChangeRolledBack:
		return warnIf(d.Cause.Reason != fsm.ReasonCaller)
	}
	return slog.LevelInfo
}
