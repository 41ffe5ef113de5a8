package events

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// KindTransition is the kind of Transition.
const KindTransition Kind = "transition"

// Transition: the strategy machine made a step.
type Transition struct {
	fsm.Transition
	// InFlight is the number of queries at the step on the side that was active before.
	InFlight int64
}

func (d Transition) attrs(a *attrs) {
	a.add(slog.Uint64("id", d.ID))
	a.text("trigger", d.Event.String())
	a.text("from", d.Before.String())
	a.text("to", d.After.String())
	a.add(slog.Uint64("epoch", d.After.Epoch))
	a.side("active", d.After.Active)
	a.add(slog.Int64("in_flight", d.InFlight))
}

func (d Transition) sides() sideSet {
	return sidesOf(d.Before.Active, d.After.Active, d.Before.Target, d.Before.Origin(), d.After.Target, d.After.Origin())
}

// level is warn for a step after a failure that was not requested. An abort by the side
// or the caller that started the transition is no failure.
func (d Transition) level(reason fsm.Reason) slog.Level {
	switch d.Event {
	case fsm.EventFail:
		return slog.LevelWarn
	case fsm.EventAbort:
		return warnIf(reason != fsm.ReasonWithdrawn && reason != fsm.ReasonCaller)
	case fsm.EventCommit:
		return warnIf(reason == fsm.ReasonDeadline) // queries still run on the origin
	case fsm.EventRollback:
		return warnIf(reason == fsm.ReasonHealth)
	}
	return slog.LevelInfo
}

// KindProbeFailed is the kind of ProbeFailed.
const KindProbeFailed Kind = "probe_failed"

// ProbeFailed: a health probe or a login on a side failed.
type ProbeFailed struct {
	Side fsm.Side
	// Attempt is the number of the attempt with this purpose, from 1.
	Attempt int
	Error   string
	// Purpose is detect, prepare, session, drain, return or refresh.
	Purpose string
}

// String describes the event in one line.
func (d ProbeFailed) String() string {
	return fmt.Sprintf("probe of %s failed (%s, attempt %d): %s", d.Side, d.Purpose, d.Attempt, d.Error)
}

func (d ProbeFailed) attrs(a *attrs) {
	a.side("side", d.Side)
	a.add(slog.Int("attempt", d.Attempt))
	a.text("error", d.Error)
	a.text("purpose", d.Purpose)
}

func (d ProbeFailed) sides() sideSet { return sidesOf(d.Side) }

// KindAnnouncementReceived is the kind of AnnouncementReceived.
const KindAnnouncementReceived Kind = "announcement_received"

// AnnouncementReceived: a response named a side for new queries.
type AnnouncementReceived struct {
	// Source is the side that sent the response, and Target the side that it named.
	Source, Target fsm.Side
	// Accepted is set if the announcement starts a transition.
	Accepted bool
	// Reason is why the announcement was not accepted, or a remark if it was.
	Reason string
	// Delay is the time until announcements of Target are accepted again, if the sides
	// have changed often; 0 for any other reason.
	Delay time.Duration
}

// String describes the event in one line.
func (d AnnouncementReceived) String() string {
	s := fmt.Sprintf("%s announced %s", d.Source, d.Target)
	if d.Reason != "" {
		s += ": " + d.Reason
	}
	return s
}

func (d AnnouncementReceived) attrs(a *attrs) {
	a.side("announced_by", d.Source)
	a.side("target", d.Target)
	a.add(slog.Bool("accepted", d.Accepted))
	a.text("rejection", d.Reason)
	if d.Delay > 0 {
		a.ms("delay_ms", d.Delay)
	}
}

func (d AnnouncementReceived) sides() sideSet { return sidesOf(d.Source, d.Target) }

// KindAnnouncementInvalid is the kind of AnnouncementInvalid.
const KindAnnouncementInvalid Kind = "announcement_invalid"

// AnnouncementInvalid: a response announced a value that is not a side.
type AnnouncementInvalid struct {
	Source fsm.Side
	// Value is the text as received, truncated.
	Value string
}

// String describes the event in one line.
func (d AnnouncementInvalid) String() string {
	return fmt.Sprintf("%s announced %q: expected blue or green", d.Source, d.Value)
}

func (d AnnouncementInvalid) attrs(a *attrs) {
	a.side("announced_by", d.Source)
	a.text("value", d.Value)
}

func (d AnnouncementInvalid) sides() sideSet { return sidesOf(d.Source) }

// KindDrainEnded is the kind of DrainEnded.
const KindDrainEnded Kind = "drain_ended"

// DrainEnded: a transition no longer waits for the queries of its origin.
type DrainEnded struct {
	// Side is the origin of the transition.
	Side fsm.Side
	// Result is drained, deadline, refused, superseded, aborted or abandoned.
	Result string
	// Remaining is the number of queries that still run on the side.
	Remaining int64
	Took      time.Duration
}

// String describes the event in one line.
func (d DrainEnded) String() string {
	return fmt.Sprintf("drain of %s ended (%s) after %s with %d queries in flight", d.Side, d.Result, short(d.Took), d.Remaining)
}

func (d DrainEnded) attrs(a *attrs) {
	a.side("side", d.Side)
	a.text("result", d.Result)
	a.add(slog.Int64("remaining", d.Remaining))
	a.ms("took_ms", d.Took)
}

func (d DrainEnded) sides() sideSet { return sidesOf(d.Side) }

// KindGuardDecided is the kind of GuardDecided.
const KindGuardDecided Kind = "guard_decided"

// GuardDecided: a guard decided about a transition.
type GuardDecided struct {
	// Guard is the name of the guard.
	Guard string
	// Target is the side that the transition leads to.
	Target fsm.Side
	// Decision is allow, delay or veto.
	Decision string
	Reason   string
	// Overruled is set for a veto that has no effect, because the origin refuses calls.
	Overruled bool
	// Delay is the time until the guard is called again.
	Delay time.Duration
	// Took is the duration of the call of the guard.
	Took time.Duration
}

// String describes the event in one line.
func (d GuardDecided) String() string {
	s := fmt.Sprintf("guard %s: %s %s", d.Guard, d.Decision, d.Target)
	if d.Delay > 0 {
		s += " by " + d.Delay.String()
	}
	if d.Reason != "" {
		s += ": " + d.Reason
	}
	if d.Overruled {
		s += " (overruled: the origin refuses calls)"
	}
	return s
}

func (d GuardDecided) attrs(a *attrs) {
	a.text("guard", d.Guard)
	a.side("target", d.Target)
	a.text("decision", d.Decision)
	a.text("guard_reason", d.Reason)
	a.add(slog.Bool("overruled", d.Overruled))
	a.ms("delay_ms", d.Delay)
	a.ms("took_ms", d.Took)
}

func (d GuardDecided) sides() sideSet { return sidesOf(d.Target) }

func (d GuardDecided) level(fsm.Reason) slog.Level { return warnIf(d.Decision == "veto") }

// KindHealthBreached is the kind of HealthBreached.
const KindHealthBreached Kind = "health_breached"

// HealthBreached: the side of new queries breached the health policy.
type HealthBreached struct {
	Side fsm.Side
	// Reason is the limit that was breached, with the measured value.
	Reason string
	// Requests and Failures are the counts in the health window, or since the side
	// accepted if the window has too few requests.
	Requests, Failures int64
	// Action is rollback, abort or none.
	Action string
}

// String describes the event in one line.
func (d HealthBreached) String() string {
	return fmt.Sprintf("%s breached the health policy: %s; action: %s", d.Side, d.Reason, d.Action)
}

func (d HealthBreached) attrs(a *attrs) {
	a.side("side", d.Side)
	a.text("breach", d.Reason)
	a.add(slog.Int64("requests", d.Requests), slog.Int64("failures", d.Failures))
	a.text("action", d.Action)
}

func (d HealthBreached) sides() sideSet { return sidesOf(d.Side) }

func (d HealthBreached) level(fsm.Reason) slog.Level { return warnIf(d.Action != "none") }

// KindSideVetoed is the kind of SideVetoed.
const KindSideVetoed Kind = "side_vetoed"

// SideVetoed: the store has a new veto of another client, or a directive, against a side.
type SideVetoed struct {
	Side fsm.Side
	// Reason is the reason of the latest veto.
	Reason string
	// Directive is set if a person gave a directive to leave the side.
	Directive bool
	// Clients is the number of clients with a veto against the side, and Needed the
	// number that this client acts on without a directive.
	Clients, Needed int
	// Remaining is the time until the last of the vetoes expires.
	Remaining time.Duration
	// Action is rollback if the side is active and the other side accepts, ignore if
	// announcements of the side are ignored, or none.
	Action string
}

// String describes the event in one line.
func (d SideVetoed) String() string {
	source := fmt.Sprintf("%d clients (needed: %d) veto %s", d.Clients, d.Needed, d.Side)
	if d.Directive {
		source = fmt.Sprintf("a directive vetoes %s", d.Side)
	}
	return fmt.Sprintf("%s: %s; remaining: %s; action: %s", source, d.Reason, short(d.Remaining), d.Action)
}

func (d SideVetoed) attrs(a *attrs) {
	a.side("side", d.Side)
	a.text("veto_reason", d.Reason)
	a.add(slog.Bool("directive", d.Directive), slog.Int("clients", d.Clients), slog.Int("needed", d.Needed))
	a.ms("remaining_ms", d.Remaining)
	a.text("action", d.Action)
}

func (d SideVetoed) sides() sideSet { return sidesOf(d.Side) }

func (d SideVetoed) level(fsm.Reason) slog.Level {
	return warnIf(d.Action == "rollback" || d.Action == "ignore")
}

// KindStageEnded is the kind of StageEnded.
const KindStageEnded Kind = "stage_ended"

// StageEnded: the first stage of a fleet cutover, to which this client belongs, ended.
type StageEnded struct {
	// Side is the side that the first stage tried.
	Side fsm.Side
	// Result is held if the other clients follow, and left if this client left the side
	// before the end of the stage.
	Result string
	Took   time.Duration
}

// String describes the event in one line.
func (d StageEnded) String() string {
	if d.Result == "held" {
		return fmt.Sprintf("first stage on %s held for %s: the other clients follow", d.Side, short(d.Took))
	}
	return fmt.Sprintf("first stage left %s after %s: the other clients stay", d.Side, short(d.Took))
}

func (d StageEnded) attrs(a *attrs) {
	a.side("side", d.Side)
	a.text("result", d.Result)
	a.ms("took_ms", d.Took)
}

func (d StageEnded) sides() sideSet { return sidesOf(d.Side) }

func (d StageEnded) level(fsm.Reason) slog.Level { return warnIf(d.Result == "left") }
