package wire

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6/fsm"
)

// Class is what kind of failure a call met.
type Class uint8

// The classes.
const (
	_ Class = iota
	// ClassEngine: the engine itself answered with an error.
	ClassEngine
	// ClassWrongSide: refused with 456, as the side is not the active one.
	ClassWrongSide
	// ClassSuspended: refused with 503, as the cluster is suspended.
	ClassSuspended
	// ClassSession: the engine does not know the session.
	ClassSession
	// ClassCredentials: the user or the token is rejected.
	ClassCredentials
	// ClassUnreachable: no connection could be made.
	ClassUnreachable
	// ClassBroken: no answer, or none that can be understood, to a call that
	// had been sent.
	ClassBroken
	// ClassTimeout: the deadline passed.
	ClassTimeout
	// ClassCanceled: the caller gave up.
	ClassCanceled
	// ClassUnimplemented: the engine does not have the method.
	ClassUnimplemented
	// ClassTooLarge: a message is over a limit of this client.
	ClassTooLarge
	// ClassUnsent: the call was not fit to be sent.
	ClassUnsent
)

var classNames = [...]string{
	ClassEngine: "the engine answered", ClassWrongSide: "refused: this is not the active side (456)",
	ClassSuspended: "refused: the cluster is suspended (503)", ClassSession: "the engine does not know the session",
	ClassCredentials: "the credentials are rejected", ClassUnreachable: "no connection",
	ClassBroken: "no answer that can be understood", ClassTimeout: "the deadline passed", ClassCanceled: "cancelled",
	ClassUnimplemented: "the engine does not have the method", ClassTooLarge: "a message is too large",
	ClassUnsent: "not sent",
}

// String says the class in words.
func (c Class) String() string {
	if c > 0 && int(c) < len(classNames) {
		return classNames[c]
	}
	return fmt.Sprintf("Class(%d)", uint8(c))
}

// Effect is whether a failed call had an effect.
type Effect uint8

// The effects.
const (
	// EffectUnknown: the call was sent, and what became of it is not known.
	EffectUnknown Effect = iota
	// EffectNone: the call was refused or never sent.
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

// Error is the failure of one call.
type Error struct {
	// Class is what kind of failure it was.
	Class Class
	// Effect is whether the call had an effect.
	Effect Effect
	// Side is where it was sent, and Method what was called.
	Side   fsm.Side
	Method string
	// At is when it was sent.
	At Stamp
	// Err is the gRPC error.
	Err error
}

// Error implements error.
func (e *Error) Error() string {
	s := fmt.Sprintf("e6: %s on %s: %s", e.Method, e.Side, e.Class)
	message := e.Err.Error()
	if st, ok := status.FromError(e.Err); ok {
		message = st.Message()
	}
	if code := e.HTTPStatus(); code != 0 {
		message = fmt.Sprintf("HTTP %d", code) // the rest is the reply's page
	}
	if message != "" {
		s += ": " + Visible(shorten(message))
	}
	if hint := e.hint(message); hint != "" {
		s += ": " + hint
	}
	return s
}

// hint is the probable cause, where the message is known to hide it.
func (e *Error) hint(message string) string {
	switch {
	case strings.Contains(message, "first record does not look like a TLS handshake"):
		return "the server does not speak TLS on this port"
	case strings.Contains(message, "authentication handshake failed") && (strings.Contains(message, "connection reset") || strings.Contains(message, "EOF")):
		return "the server may not speak TLS on this port"
	case strings.Contains(message, "error reading server preface"), strings.Contains(message, "malformed HTTP response"):
		return "the server may expect TLS, or is no gRPC server"
	case strings.Contains(message, "x509: certificate signed by unknown authority"):
		return "give the CA that signed the server's certificate"
	case strings.Contains(message, "produced zero addresses"), strings.Contains(message, "no such host"):
		return "the host name is not known: check the address"
	}
	return ""
}

// Unwrap returns the gRPC error.
func (e *Error) Unwrap() error { return e.Err }

// GRPCStatus returns the gRPC status of the call.
func (e *Error) GRPCStatus() *status.Status { return status.Convert(e.Err) }

// AsError finds the *Error in err.
func AsError(err error) (*Error, bool) { return errors.AsType[*Error](err) }

// shorten keeps a proxy's whole error page out of an error message.
func shorten(s string) string {
	const most = 300
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
