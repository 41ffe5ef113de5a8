package events

import (
	"fmt"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// Transition is a step of the strategy machine.
type Transition struct {
	fsm.Transition
	// InFlight is the number of queries at that moment, on the side that was
	// active before the step.
	InFlight int64
}

// ProbeFailed: a side was asked whether it accepts, and did not.
type ProbeFailed struct {
	Side fsm.Side
	// Attempt counts the attempts of one purpose, beginning with 1.
	Attempt int
	Error   string
	// Purpose is detect, prepare, session, drain, return or refresh.
	Purpose string
}

// AnnouncementReceived: a response named a side for new queries.
type AnnouncementReceived struct {
	Source, Target fsm.Side
	// Accepted is set if it is acted upon; otherwise Why says why not.
	Accepted bool
	Reason   string
}

// AnnouncementInvalid: a response named something that is not a side.
type AnnouncementInvalid struct {
	Source fsm.Side
	Value  string
}

// Refused: the ingress turned a call of a query away.
type Refused struct {
	Side    fsm.Side
	Method  string
	QueryID string
	Tag     string
}

// QueryQueued: a query waits until the cluster has more planners, or does so no
// longer. It is told when the wait begins, whenever it has doubled since then from
// one second on, and at its end.
type QueryQueued struct {
	QueryID string
	Tag     string
	Side    fsm.Side
	Waited  time.Duration
	// Admitted is set when the query may go on.
	Admitted bool
}

// QueryRetried: a query that had had no effect begins anew.
type QueryRetried struct {
	QueryID  string
	Tag      string
	From, To fsm.Side
	Method   string
}

// QueryReplayed: a query that was cut off is run again.
type QueryReplayed struct {
	QueryID  string
	Tag      string
	From, To fsm.Side
	Attempt  int
	Reason   string
}

// QueryContinued: a replay has the rows that the caller had when the query was cut off,
// and the caller gets those that follow.
type QueryContinued struct {
	// QueryID is the id of the run that was cut off, as in the QueryReplayed before it.
	QueryID  string
	Tag      string
	From, To fsm.Side
	// RowsVerified is the number of rows that the caller had.
	RowsVerified int64
	// Attempt is that of the QueryReplayed.
	Attempt int
}

// QueryLost: a query was cut off and could not be saved.
type QueryLost struct {
	QueryID       string
	Tag           string
	Side          fsm.Side
	RowsDelivered int64
	// MayHaveRun is set if the statement may have written.
	MayHaveRun bool
	// Reason is why it was not saved: an e6.LossReason.
	Reason string
	Error  string
}

// QueryAbandoned: the server could not be told to forget a query.
type QueryAbandoned struct {
	QueryID string
	Tag     string
	Side    fsm.Side
	Error   string
}

// SessionOpened: the client has logged in on a side.
type SessionOpened struct {
	Side       fsm.Side
	Generation uint64
	Took       time.Duration
	// Purpose is detect, prepare or session, as in ProbeFailed.
	Purpose string
}

// SessionExpired: the engine no longer knows a session.
type SessionExpired struct {
	Side       fsm.Side
	Generation uint64
}

// DrainEnded: a transition no longer waits for the queries of its origin.
type DrainEnded struct {
	Side fsm.Side
	// Result is drained, deadline, refused, superseded, aborted or abandoned.
	Result string
	// Remaining is the number of queries that are still on the side.
	Remaining int64
	Took      time.Duration
}

// ClusterResume: a suspended cluster is being woken.
type ClusterResume struct {
	Status  string
	Elapsed time.Duration
	// Done is set on the last event of a resume; Error says why it failed.
	Done  bool
	Error string
}

// StoreFailed: the shared store could not be read or written.
type StoreFailed struct{ Op, Error string }

// GuardDecided: a guard was asked about a transition.
type GuardDecided struct {
	// Guard names the guard.
	Guard string
	// Target is the side that the transition leads to.
	Target fsm.Side
	// Decision is allow, delay or veto. A veto counts for nothing if the origin
	// refuses calls: then Overruled is set.
	Decision  string
	Reason    string
	Overruled bool
	// Delay is how long the guard wants to wait before it is asked again.
	Delay time.Duration
	// Took is how long it took to decide.
	Took time.Duration
}

// HealthBreached: the side that new queries go to breaks the health policy.
type HealthBreached struct {
	Side fsm.Side
	// Why says which limit was broken, and by how much.
	Reason string
	// Requests and Failures are what was counted: lately, or since the side
	// accepted if that were too few.
	Requests, Failures int64
	// Action is what follows: rollback, abort or none.
	Action string
}

// SideVetoed: the store has a new veto of another client on a side.
type SideVetoed struct {
	Side fsm.Side
	// Why is what the last of the vetoes says, and Order that a person gave one.
	Reason    string
	Directive bool
	// Clients is how many clients have a veto on the side, and Needed how many it
	// takes for this one to act, if there is no order.
	Clients, Needed int
	// Rest is when the last of the vetoes ends.
	Remaining time.Duration
	// Action is what follows: rollback if the side is active and the other one
	// accepts, ignore if announcements of it are ignored, or none.
	Action string
}

// StageEnded: this client was in the part of the fleet that went to a side first.
type StageEnded struct {
	Side fsm.Side
	// Result is held if the others may follow, and left if this client has gone from
	// the side before.
	Result string
	Took   time.Duration
}

// HookFailed: a hook panicked or used up its budget, and what it would have
// said is left out.
type HookFailed struct {
	// Hook names the hook, Point the call, such as guard or query_end.
	Hook, Point string
	// Problem is panic, overrun, or busy: an earlier call that was given up has
	// not returned yet.
	Problem string
	Detail  string
	Took    time.Duration
	// Count is how many such failures of the hook this event stands for: they
	// are told once a second at the most.
	Count int64
}

// EventsDropped: this subscriber's queue overflowed. It comes before the next event
// that is delivered, to this subscriber only, and has the number of the last
// event that was missed.
type EventsDropped struct {
	Count uint64
	// Snapshot is what is known at the time of the delivery.
	Snapshot fsm.Snapshot
}

// Closed: the client is closed. It is the last event.
type Closed struct{}

// Kind implements Data.
func (Transition) Kind() Kind { return KindTransition }

// Kind implements Data.
func (ProbeFailed) Kind() Kind { return KindProbeFailed }

// Kind implements Data.
func (AnnouncementReceived) Kind() Kind { return KindAnnouncementReceived }

// Kind implements Data.
func (AnnouncementInvalid) Kind() Kind { return KindAnnouncementInvalid }

// Kind implements Data.
func (Refused) Kind() Kind { return KindRefused }

// Kind implements Data.
func (QueryQueued) Kind() Kind { return KindQueryQueued }

// Kind implements Data.
func (QueryRetried) Kind() Kind { return KindQueryRetried }

// Kind implements Data.
func (QueryReplayed) Kind() Kind { return KindQueryReplayed }

// Kind implements Data.
func (QueryContinued) Kind() Kind { return KindQueryContinued }

// Kind implements Data.
func (QueryLost) Kind() Kind { return KindQueryLost }

// Kind implements Data.
func (QueryAbandoned) Kind() Kind { return KindQueryAbandoned }

// Kind implements Data.
func (SessionOpened) Kind() Kind { return KindSessionOpened }

// Kind implements Data.
func (SessionExpired) Kind() Kind { return KindSessionExpired }

// Kind implements Data.
func (DrainEnded) Kind() Kind { return KindDrainEnded }

// Kind implements Data.
func (ClusterResume) Kind() Kind { return KindClusterResume }

// Kind implements Data.
func (StoreFailed) Kind() Kind { return KindStoreFailed }

// Kind implements Data.
func (GuardDecided) Kind() Kind { return KindGuardDecided }

// Kind implements Data.
func (HealthBreached) Kind() Kind { return KindHealthBreached }

// Kind implements Data.
func (SideVetoed) Kind() Kind { return KindSideVetoed }

// Kind implements Data.
func (StageEnded) Kind() Kind { return KindStageEnded }

// Kind implements Data.
func (HookFailed) Kind() Kind { return KindHookFailed }

// Kind implements Data.
func (EventsDropped) Kind() Kind { return KindEventsDropped }

// Kind implements Data.
func (Closed) Kind() Kind { return KindClosed }

func (Transition) sealed()           {}
func (ProbeFailed) sealed()          {}
func (AnnouncementReceived) sealed() {}
func (AnnouncementInvalid) sealed()  {}
func (Refused) sealed()              {}
func (QueryQueued) sealed()          {}
func (QueryRetried) sealed()         {}
func (QueryReplayed) sealed()        {}
func (QueryContinued) sealed()       {}
func (QueryLost) sealed()            {}
func (QueryAbandoned) sealed()       {}
func (SessionOpened) sealed()        {}
func (SessionExpired) sealed()       {}
func (DrainEnded) sealed()           {}
func (ClusterResume) sealed()        {}
func (StoreFailed) sealed()          {}
func (GuardDecided) sealed()         {}
func (HealthBreached) sealed()       {}
func (SideVetoed) sealed()           {}
func (StageEnded) sealed()           {}
func (HookFailed) sealed()           {}
func (EventsDropped) sealed()        {}
func (Closed) sealed()               {}

// String says what happened in one line.
func (d ProbeFailed) String() string {
	return fmt.Sprintf("%s: %s does not accept (attempt %d): %s", d.Purpose, d.Side, d.Attempt, d.Error)
}

// String says what happened in one line.
func (d AnnouncementReceived) String() string {
	if d.Accepted && d.Reason == "" {
		return fmt.Sprintf("%s announced %s", d.Source, d.Target)
	}
	return fmt.Sprintf("%s announced %s: %s", d.Source, d.Target, d.Reason)
}

// String says what happened in one line.
func (d AnnouncementInvalid) String() string {
	return fmt.Sprintf("%s announced %q, which is no side", d.Source, d.Value)
}

// String says what happened in one line.
func (d Refused) String() string {
	return fmt.Sprintf("%s refused %s%s", d.Side, d.Method, query(d.QueryID, d.Tag))
}

// String says what happened in one line.
func (d QueryQueued) String() string {
	if d.Admitted {
		return fmt.Sprintf("admitted%s on %s after %s", query(d.QueryID, d.Tag), d.Side, short(d.Waited))
	}
	return fmt.Sprintf("queued%s on %s for %s: the cluster starts more planners", query(d.QueryID, d.Tag), d.Side, short(d.Waited))
}

// String says what happened in one line.
func (d QueryRetried) String() string {
	return fmt.Sprintf("retrying%s, from %s to %s", query(d.QueryID, d.Tag), d.From, d.To)
}

// String says what happened in one line.
func (d QueryReplayed) String() string {
	return fmt.Sprintf("replaying%s, from %s to %s: %s", query(d.QueryID, d.Tag), d.From, d.To, d.Reason)
}

// String says what happened in one line.
func (d QueryContinued) String() string {
	return fmt.Sprintf("continuing%s, from %s to %s behind %d verified rows", query(d.QueryID, d.Tag), d.From, d.To, d.RowsVerified)
}

// String says what happened in one line.
func (d QueryLost) String() string {
	reason := ""
	if d.Reason != "" {
		reason = " (" + d.Reason + ")"
	}
	return fmt.Sprintf("lost%s on %s after %d rows%s: %s", query(d.QueryID, d.Tag), d.Side, d.RowsDelivered, reason, d.Error)
}

// String says what happened in one line.
func (d QueryAbandoned) String() string {
	return fmt.Sprintf("left%s behind on %s: %s", query(d.QueryID, d.Tag), d.Side, d.Error)
}

// String says what happened in one line.
func (d SessionOpened) String() string {
	return fmt.Sprintf("session %d on %s opened in %s", d.Generation, d.Side, short(d.Took))
}

// String says what happened in one line.
func (d SessionExpired) String() string {
	return fmt.Sprintf("session %d on %s expired", d.Generation, d.Side)
}

// String says what happened in one line.
func (d DrainEnded) String() string {
	return fmt.Sprintf("drain of %s ended (%s) after %s with %d queries left", d.Side, d.Result, short(d.Took), d.Remaining)
}

// String says what happened in one line.
func (d ClusterResume) String() string {
	if d.Error != "" {
		return fmt.Sprintf("the cluster did not resume in %s: %s", short(d.Elapsed), d.Error)
	}
	return fmt.Sprintf("the cluster is %s after %s", d.Status, short(d.Elapsed))
}

// String says what happened in one line.
func (d StoreFailed) String() string { return fmt.Sprintf("store: %s: %s", d.Op, d.Error) }

// String says what happened in one line.
func (d GuardDecided) String() string {
	s := fmt.Sprintf("guard %s: %s %s", d.Guard, d.Decision, d.Target)
	if d.Delay > 0 {
		s += " by " + d.Delay.String()
	}
	if d.Reason != "" {
		s += ": " + d.Reason
	}
	if d.Overruled {
		s += " (overruled: the origin refuses)"
	}
	return s
}

// String says what happened in one line.
func (d HealthBreached) String() string {
	return fmt.Sprintf("%s breaks the health policy: %s; what follows: %s", d.Side, d.Reason, d.Action)
}

// String says what happened in one line.
func (d SideVetoed) String() string {
	s := fmt.Sprintf("%d clients find %s bad, and %d are needed", d.Clients, d.Side, d.Needed)
	if d.Directive {
		s = fmt.Sprintf("it was ordered to leave %s", d.Side)
	}
	return fmt.Sprintf("%s: %s; what follows for %s: %s", s, d.Reason, short(d.Remaining), d.Action)
}

// String says what happened in one line.
func (d StageEnded) String() string {
	if d.Result == "held" {
		return fmt.Sprintf("%s has served well for %s: the others may follow", d.Side, short(d.Took))
	}
	return fmt.Sprintf("%s was left after %s: the others stay", d.Side, short(d.Took))
}

// String says what happened in one line.
func (d HookFailed) String() string {
	s := fmt.Sprintf("hook %s: %s in %s after %s", d.Hook, d.Problem, d.Point, short(d.Took))
	if d.Count > 1 {
		s += fmt.Sprintf(", %d times", d.Count)
	}
	if d.Detail != "" {
		s += ": " + d.Detail
	}
	return s
}

// String says what happened in one line.
func (d EventsDropped) String() string {
	return fmt.Sprintf("%d events were missed; the strategy is %s", d.Count, d.Snapshot)
}

// String says what happened in one line.
func (Closed) String() string { return "closed" }

// short is a duration with no more digits than a reader wants.
func short(d time.Duration) time.Duration {
	if d >= time.Second {
		return d.Round(10 * time.Millisecond)
	}
	return d.Round(10 * time.Microsecond)
}

// query names a query as far as it has a name.
func query(id, tag string) string {
	s := " a query"
	if id != "" {
		s = " query " + id
	}
	if tag != "" {
		s += fmt.Sprintf(" (tag %q)", tag)
	}
	return s
}
