package wire

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/refusal"
	"github.com/e6data/e6data-go/internal/visible"
)

// Error is the failure of one call.
type Error struct {
	// Class is the kind of the failure.
	Class Class
	// Effect is whether the call had an effect.
	Effect Effect
	// Side is the side to which the call was sent, and Method its method.
	Side   fsm.Side
	Method string
	// At is the stamp that was taken when it was sent.
	At Stamp
	// Err is the gRPC error.
	Err error

	note       string // a probable cause that the message does not name
	remembered bool   // in Conn.poison: a retry gets its own connection
}

// Error implements error.
func (e *Error) Error() string {
	return fmt.Sprintf("e6: %s on %s: %s", e.Method, e.Side, e.Cause())
}

// Cause is the text of the error without the method and the side: the class, the message
// of the server, and the probable cause.
func (e *Error) Cause() string {
	message := e.Err.Error()
	if st, ok := status.FromError(e.Err); ok {
		message = cmp.Or(st.Message(), st.Code().String()+" without a message")
	}
	s := e.Class.String()
	if detail := e.detail(message); detail != "" {
		s += ": " + visible.Text(shorten(detail))
	}
	if hint := e.Hint(); hint != "" {
		s += ": " + hint
	}
	return s
}

// Hint is the probable cause and the next step, where the message does not name them. It
// may be empty.
func (e *Error) Hint() string {
	message := e.Err.Error()
	if st, ok := status.FromError(e.Err); ok {
		message = st.Message()
	}
	return cmp.Or(e.note, e.hint(message))
}

// sizeHint names the limit that a message exceeds.
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

// detail is the part of a message that the text of the class does not contain.
func (e *Error) detail(message string) string {
	code := e.HTTPStatus()
	switch {
	case e.Class == ClassWrongSide, e.Class == ClassUnavailable && code != 0:
		return "" // the class names the status
	case e.Class == ClassUnavailable:
		return strings.TrimLeft(strings.TrimPrefix(message, refusal.Suspended), ",. ")
	case code != 0:
		return fmt.Sprintf("HTTP %d", code) // the rest is the page of the reply
	case e.Class == ClassTimeout && message == context.DeadlineExceeded.Error(), e.Class == ClassCanceled && message == context.Canceled.Error():
		return ""
	}
	if quoted, ok := strings.CutPrefix(message, "connection error: desc = "); ok {
		if inner, err := strconv.Unquote(quoted); err == nil {
			message = strings.TrimPrefix(strings.TrimPrefix(inner, "transport: "), "Error while dialing: ")
		}
	}
	return message
}

// hint is the probable cause of messages that are known to hide it.
func (e *Error) hint(message string) string {
	if e.Class == ClassTooLarge {
		return e.sizeHint(message)
	}
	switch e.HTTPStatus() {
	case http.StatusRequestEntityTooLarge:
		return "the ingress limits the size of requests (client_max_body_size of nginx): raise it there, or shorten the statement"
	case http.StatusTooManyRequests:
		return "the ingress limits the rate of requests"
	}
	if strings.Contains(message, tooManyPings) {
		return "the server allows fewer PINGs (too_many_pings): leave Config.KeepaliveTime out, or raise the limit at the server"
	}
	if f := connectionFailureOf(message); f != nil {
		return f.hint
	}
	return ""
}

// Unwrap returns the gRPC error.
func (e *Error) Unwrap() error { return e.Err }

// GRPCStatus returns the gRPC status of the call.
func (e *Error) GRPCStatus() *status.Status { return status.Convert(e.Err) }

// AsError finds the *Error in err.
func AsError(err error) (*Error, bool) { return errors.AsType[*Error](err) }

// shorten limits the length of a message, which may be the error page of a proxy.
func shorten(s string) string {
	const most = 300
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}
