package wire

import (
	"fmt"

	"github.com/e6data/e6data-go/e6/fsm"
)

// Class is the kind of a failed call. The table below says what follows from it.
type Class uint8

// The classes. A class says what was seen of the call on this end of it; its text,
// as errors and events show it, is in the table.
const (
	_ Class = iota
	// ClassEngine: a gRPC status that the engine sent.
	ClassEngine
	// ClassUnknownError: a gRPC status UNKNOWN with a message. An engine sends it, and
	// so does a proxy for an HTTP status that gRPC has no code for.
	ClassUnknownError
	// ClassStopped: the engine stopped the statement, for its own time limit or as
	// somebody cancelled it.
	ClassStopped
	// ClassWrongSide: the ingress refused the call with 456.
	ClassWrongSide
	// ClassUnavailable: the ingress refused the call with 503. A suspended cluster
	// does so, and so does an ingress without an engine; a status call tells.
	ClassUnavailable
	// ClassSession: the engine does not accept the session.
	ClassSession
	// ClassDenied: the engine denies access, for a right that the user lacks or for a
	// session that it does not accept: the text does not say.
	ClassDenied
	// ClassCredentials: the user, the token or the bearer is rejected.
	ClassCredentials
	// ClassUnreachable: no connection to an engine, for this client or for the ingress.
	ClassUnreachable
	// ClassNotProcessed: HTTP/2 guarantees that the server did not process the stream.
	ClassNotProcessed
	// ClassNoResponse: the call was sent, and no response came, or one that cannot be
	// read.
	ClassNoResponse
	// ClassTimeout: the deadline of the call passed.
	ClassTimeout
	// ClassCanceled: the context of the call was cancelled, or the Conn closed.
	ClassCanceled
	// ClassUnimplemented: the engine does not have the method.
	ClassUnimplemented
	// ClassTooLarge: a message is larger than a limit of this client or of the server.
	ClassTooLarge
	// ClassUnsent: the request could not be encoded or addressed.
	ClassUnsent
)

// classNone is the class of a call that has not failed.
const classNone Class = 0

// Verdict is what a failed call shows about the side that it was sent to.
type Verdict uint8

// The verdicts.
const (
	// VerdictUnreachable: nothing is known; no engine of the side has answered.
	VerdictUnreachable Verdict = iota
	// VerdictAccepts: an engine of the side took the call.
	VerdictAccepts
	// VerdictRefuses: the ingress refuses calls to the side.
	VerdictRefuses
	// VerdictSuspended: the side answers 503.
	VerdictSuspended
	// VerdictDenied: the credentials are rejected.
	VerdictDenied
)

// String returns the verdict in one word.
func (v Verdict) String() string {
	return [...]string{"unreachable", "accepts", "refuses", "suspended", "denied"}[v]
}

// Health is how a failed execution counts in the health of its side.
type Health uint8

// The ways to count.
const (
	// HealthIgnored: it does not count.
	HealthIgnored Health = iota
	// HealthAnswered: it counts as answered. The statement failed, not the stack.
	HealthAnswered
	// HealthFailed: it counts as a failure of the stack.
	HealthFailed
)

// String returns "ignored", "answered" or "failed".
func (h Health) String() string { return [...]string{"ignored", "answered", "failed"}[h] }

// Consequences is what follows from a failed call. Whoever acts on a failure reads it
// here; no other code decides by class.
type Consequences struct {
	// Text describes the class in errors and events.
	Text string
	// RetryCall: the same call may succeed if it is sent again to the same side. It
	// is, if it changes nothing or the effect is none.
	RetryCall bool
	// StartOver: a statement that certainly had no effect is prepared anew, on the
	// side that is active then.
	StartOver bool
	// Replay: a statement that only reads is executed again, unless a row of it has
	// reached the caller.
	Replay bool
	// Free: a repetition does not count as an attempt (Config.MaxAttempts). It is
	// limited in time.
	Free bool
	// Resume: the cluster may be suspended, and is resumed if a status call confirms it.
	Resume bool
	// Renew: the session is renewed, and the call sent again with the new one; once if
	// Answer is set too, as the denial may be about the statement.
	Renew bool
	// Probe: a probe of the side decides whether it still serves.
	Probe bool
	// ByDeadline: it may be the effect of the caller's deadline, which a server or a
	// proxy may notice up to 100 ms before this end. Then it is the caller's: the error
	// is that of the context, nothing is counted, and nothing starts (docs/rules.md,
	// section 5).
	ByDeadline bool
	// Answer: it is the engine's own answer, which the same call gets again.
	Answer bool
	// Later: the statement may succeed if the caller runs it again later.
	Later bool
	// Health is how it counts in the health of the side.
	Health Health
	// Verdict is what it shows about the side, and Login the same of a login.
	Verdict, Login Verdict
	// Reason is the cause that events name.
	Reason fsm.Reason
}

// table is the meaning of every class. docs/rules.md shows it; a test compares them.
var table = [...]Consequences{
	ClassEngine: {Text: "the engine reports an error", Answer: true, Health: HealthAnswered,
		Verdict: VerdictAccepts, Login: VerdictAccepts, Reason: fsm.ReasonUnreachable},
	ClassUnknownError: {Text: "an error of unknown origin", Answer: true, Probe: true,
		Reason: fsm.ReasonUnreachable},
	ClassStopped: {Text: "the engine stopped the query", Answer: true,
		Verdict: VerdictAccepts, Login: VerdictAccepts, Reason: fsm.ReasonUnreachable},
	ClassWrongSide: {Text: "refused: not the active side (456)", StartOver: true, Replay: true, Free: true, Later: true,
		Verdict: VerdictRefuses, Login: VerdictRefuses, Reason: fsm.ReasonRefusal},
	ClassUnavailable: {Text: "unavailable (503)", StartOver: true, Replay: true, Free: true, Resume: true, Later: true,
		Verdict: VerdictSuspended, Login: VerdictSuspended, Reason: fsm.ReasonSuspended},
	ClassSession: {Text: "the session is not accepted", Renew: true, Later: true,
		Verdict: VerdictAccepts, Login: VerdictDenied, Reason: fsm.ReasonUnreachable},
	ClassDenied: {Text: "access is denied", Renew: true, Answer: true, Health: HealthAnswered,
		Verdict: VerdictAccepts, Login: VerdictDenied, Reason: fsm.ReasonUnreachable},
	ClassCredentials: {Text: "the credentials are rejected",
		Verdict: VerdictAccepts, Login: VerdictDenied, Reason: fsm.ReasonCredentials},
	ClassUnreachable: {Text: "no connection", RetryCall: true, StartOver: true, Replay: true, Probe: true, Later: true,
		Health: HealthFailed, Reason: fsm.ReasonUnreachable},
	ClassNotProcessed: {Text: "not processed by the server", RetryCall: true, StartOver: true, Replay: true, Free: true, Probe: true, Later: true,
		Reason: fsm.ReasonUnreachable},
	ClassNoResponse: {Text: "no response that can be read", RetryCall: true, StartOver: true, Replay: true, Probe: true, Later: true, ByDeadline: true,
		Health: HealthFailed, Reason: fsm.ReasonUnreachable},
	ClassTimeout: {Text: "deadline exceeded", StartOver: true, Replay: true, Probe: true, Later: true, ByDeadline: true,
		Health: HealthFailed, Reason: fsm.ReasonDeadline},
	ClassCanceled: {Text: "cancelled", ByDeadline: true, Reason: fsm.ReasonUnreachable},
	ClassUnimplemented: {Text: "the engine does not have the method", Health: HealthAnswered,
		Verdict: VerdictAccepts, Login: VerdictAccepts, Reason: fsm.ReasonUnreachable},
	ClassTooLarge: {Text: "a message is too large", Reason: fsm.ReasonUnreachable},
	ClassUnsent:   {Text: "not sent", Reason: fsm.ReasonUnreachable},
}

// String returns the text of the class.
func (c Class) String() string {
	if c > 0 && int(c) < len(table) {
		return table[c].Text
	}
	return fmt.Sprintf("Class(%d)", uint8(c))
}

// Effect is whether a failed call had an effect.
type Effect uint8

// The effects.
const (
	// EffectUnknown: the call was sent, and what became of it is not known.
	EffectUnknown Effect = iota
	// EffectNone: the call was refused, was never sent, or reached no engine.
	EffectNone
	// EffectDone: the engine received the call and has finished with it.
	EffectDone
)

// String returns "unknown", "none" or "done".
func (e Effect) String() string {
	switch e {
	case EffectUnknown:
		return "unknown"
	case EffectNone:
		return "none"
	case EffectDone:
		return "done"
	}
	return fmt.Sprintf("Effect(%d)", uint8(e))
}

// Outcome is what a failed call means: its class, its effect and what follows from
// them. The table is shown in docs/rules.md, section 5.
type Outcome struct {
	Class  Class
	Effect Effect
	// Poison: a step of a statement failed as a response on its connection broke HTTP/2,
	// so that every call on it failed with the same error. The statement is executed again
	// on a connection of its own only (Conn.AcquireAlone). It is never set for other
	// calls: the Conn gives those a connection of their own when they are sent again.
	Poison bool
	Consequences
}

// OutcomeOf returns the outcome of the *Error in err's chain. It is the zero Outcome,
// without a class and consequences, if there is none or err is nil.
func OutcomeOf(err error) Outcome {
	if e, ok := AsError(err); ok {
		return e.Outcome()
	}
	return Outcome{}
}

// Outcome returns what the failure means.
func (e *Error) Outcome() Outcome {
	o := Outcome{Class: e.Class, Effect: e.Effect, Poison: e.poison()}
	if int(e.Class) < len(table) {
		o.Consequences = table[e.Class]
	}
	return o
}

// Failed reports whether there is a failed call at all.
func (o Outcome) Failed() bool { return o.Class != classNone }

// Classify returns the class of the *Error in err's chain, and the zero Class if
// there is none or err is nil.
func Classify(err error) Class {
	if e, ok := AsError(err); ok {
		return e.Class
	}
	return classNone
}
