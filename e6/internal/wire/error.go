package wire

import (
	"cmp"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6/fsm"
)

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

	note string // what else is known of the cause
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
	if hint := e.Hint(); hint != "" {
		s += ": " + hint
	}
	return s
}

// Hint is the probable cause and what to do, where the message does not say so. It may
// be empty.
func (e *Error) Hint() string {
	message := e.Err.Error()
	if st, ok := status.FromError(e.Err); ok {
		message = st.Message()
	}
	return cmp.Or(e.note, e.hint(message))
}

// sizeHint says which limit a message is over.
func (e *Error) sizeHint(message string) string {
	switch {
	case matchesAny(message, requestOversized):
		return "Config.MaxSendBytes limits a request: raise it, or shorten the statement"
	case strings.HasPrefix(e.Method, "prepareStatement"), strings.HasPrefix(e.Method, "executeStatement"):
		return "the server has a limit for requests: raise it there, or shorten the statement"
	case !strings.HasPrefix(e.Method, "getNextResult"):
		return fmt.Sprintf("a response without rows may have %d bytes, or Config.MaxReceiveBytes if that is less", maxOtherBytes)
	}
	return "Config.MaxReceiveBytes limits a response: raise it, or select fewer or shorter columns"
}

// hint is the probable cause, where the message is known to hide it.
func (e *Error) hint(message string) string {
	switch {
	case e.Class == ClassTooLarge:
		return e.sizeHint(message)
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
