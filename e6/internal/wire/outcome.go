package wire

import (
	"fmt"

	"github.com/e6data/e6data-go/e6/fsm"
)

// Class is the kind of a failed call. The table below has its consequences.
type Class uint8

// The classes. A class is what this client observed of the call. Its text in errors and
// events is in the table.
const (
	_ Class = iota
	// ClassEngine: a gRPC status that the engine sent.
	ClassEngine
	// ClassUnknownError: a gRPC status UNKNOWN with a message. An engine sends it, and
	// so does a proxy for an HTTP status that gRPC has no code for.
	ClassUnknownError
	// ClassStopped: the engine stopped the statement, at its own time limit or because
	// another client cancelled it.
	ClassStopped
	// ClassWrongSide: the ingress refused the call with 456.
	ClassWrongSide
	// ClassUnavailable: the ingress refused the call with 503, because the cluster is
	// suspended or there is no engine; a status call shows which.
	ClassUnavailable
	// ClassSession: the engine does not accept the session.
	ClassSession
	// ClassDenied: the engine denies access, because the user lacks a right or the
	// session is not accepted: the text does not show which.
	ClassDenied
	// ClassCredentials: the user, the token or the bearer is rejected.
	ClassCredentials
	// ClassUnreachable: no connection to an engine, for this client or for the ingress.
	ClassUnreachable
	// ClassNotProcessed: HTTP/2 guarantees that the server did not process the stream.
	ClassNotProcessed
	// ClassNoResponse: the call was sent, and there was no response, or an unreadable
	// one.
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

// Verdict is the state of a side that a failed call to it proves.
type Verdict uint8

// The verdicts.
const (
	// VerdictUnreachable: the state is not known; there was no response of an engine.
	VerdictUnreachable Verdict = iota
	// VerdictAccepts: an engine of the side took the call.
	VerdictAccepts
	// VerdictRefuses: the ingress refuses calls to the side.
	VerdictRefuses
	// VerdictSuspended: the side responds with 503.
	VerdictSuspended
	// VerdictDenied: the credentials are rejected.
	VerdictDenied
)

// String returns the name of the verdict.
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

// Consequences are the consequences of a failed call. All code that acts on a failure
// reads them; no other code decides by class.
type Consequences struct {
	// Text describes the class in errors and events.
	Text string
	// RetryCall: the same call may succeed if it is sent again to the same side. It is
	// sent again if it changes nothing or the effect is none.
	RetryCall bool
	// StartOver: a statement with effect none is prepared again, on the side that is
	// active then.
	StartOver bool
	// Replay: a statement that only reads is executed again, unless a row of it has
	// reached the caller.
	Replay bool
	// Free: a retry does not count as an attempt (Config.MaxAttempts). It is limited in
	// time.
	Free bool
	// Resume: the cluster may be suspended, and is resumed if a status call confirms it.
	Resume bool
	// Renew: the session is renewed, and the call sent again with the new one; once if
	// Answer is set too, as the denial may be about the statement.
	Renew bool
	// Probe: a probe of the side decides whether it still serves.
	Probe bool
	// ByDeadline: the cause may be the deadline of the caller, which a server or a proxy
	// may apply up to 100 ms before this client. Then the error is that of the context,
	// nothing is counted, and no probe starts (docs/rules.md, section 5).
	ByDeadline bool
	// Answer: it is an answer of the engine, which the same call gets again.
	Answer bool
	// Later: the statement may succeed if the caller runs it again later.
	Later bool
	// Health is the way in which it counts in the health of the side.
	Health Health
	// Verdict is the verdict on the side, and Login the verdict if the call is a login.
	Verdict, Login Verdict
	// Reason is the cause in events.
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
	// EffectUnknown: the call was sent, and it is not known whether it was executed.
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

// Outcome is the classification of a failed call: its class, its effect and their
// consequences. The table is shown in docs/rules.md, section 5.
type Outcome struct {
	Class  Class
	Effect Effect
	// Poison: a step of a statement failed because a response on its connection violated
	// HTTP/2, so that every call on it failed with the same error. The statement is
	// replayed on its own connection only (Conn.AcquireAlone). It is never set for other
	// calls: the Conn retries those on their own connection.
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

// Outcome returns the classification of the failure.
func (e *Error) Outcome() Outcome {
	o := Outcome{Class: e.Class, Effect: e.Effect, Poison: e.poison()}
	if int(e.Class) < len(table) {
		o.Consequences = table[e.Class]
	}
	return o
}

// Failed reports whether the outcome is that of a failed call.
func (o Outcome) Failed() bool { return o.Class != classNone }

// Classify returns the class of the *Error in err's chain, and the zero Class if
// there is none or err is nil.
func Classify(err error) Class {
	if e, ok := AsError(err); ok {
		return e.Class
	}
	return classNone
}
