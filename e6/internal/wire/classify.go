package wire

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/internal/refusal"
)

// failure is everything that is known of a call that failed.
type failure struct {
	code    codes.Code
	message string
	// sent: the call got a stream on a connection, so that the server may have
	// seen it. Without one, nothing was written.
	sent bool
	// answered: header or trailer metadata came from a server that speaks gRPC. A
	// plain HTTP reply, as an ingress gives it, has none, and neither has a failure
	// of the connection. It does not prove that the server sent the status: a
	// response that begins well may end in a way that cannot be read.
	answered bool
	// unwritten: the request of the last attempt was not written, and the attempt before
	// was not processed, if there was one.
	unwritten bool
	// upstream: the metadata says that Envoy passed on a response of an engine.
	upstream bool
	// ingress: Envoy made the reply itself: it names itself as the server, and does not
	// say how long an engine took, as it does otherwise.
	ingress bool
	// required: every engine has the method.
	required bool
	// expired: the deadline of the call has passed or is about to.
	expired bool
	// canceled: the context of the call was cancelled.
	canceled bool
}

// clockSlack is how much earlier than this end the server may find that the
// deadline is over: clocks differ in speed, and a proxy may shorten the time.
const clockSlack = 100 * time.Millisecond

// expired reports whether the deadline of ctx has passed, or passes within the clock
// slack. A context without a deadline never expires.
func expired(ctx context.Context) bool {
	if ctx.Err() == context.DeadlineExceeded {
		return true
	}
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) <= clockSlack
}

// classify decides what the error of a call means. The context is the call's.
func (e *evidence) classify(ctx context.Context, err error) (Class, Effect) {
	s, ok := status.FromError(err)
	if !ok {
		// Only an interceptor of the caller's gives anything but a status.
		s = status.FromContextError(err)
	}
	_, unwritten := errors.AsType[unwrittenError](err)
	if unwritten && ctx.Err() != nil {
		s = status.FromContextError(ctx.Err()) // the end of the context ended the stream
	}
	return classify(failure{
		code: s.Code(), message: s.Message(), unwritten: unwritten, sent: e.sent, answered: e.answered, upstream: e.upstream, ingress: e.ingress, required: e.required,
		expired: expired(ctx), canceled: ctx.Err() == context.Canceled,
	})
}

// Is makes errors.Is find the error of the context that ended the call, which
// gRPC turns into a status.
func (e *Error) Is(target error) bool {
	switch target {
	case context.DeadlineExceeded:
		return e.Class == ClassTimeout
	case context.Canceled:
		return e.Class == ClassCanceled
	}
	return false
}

// classify decides what a failure was and what the call left behind. The steps go
// from what is certain to what is not. The effect is none only if it is proven: nothing
// was sent, HTTP/2 says that the stream was not processed, or an ingress says that it
// did not pass the call on.
func classify(f failure) (Class, Effect) {
	if f.code == codes.Internal && strings.HasPrefix(f.message, cardinality) {
		return ClassNoResponse, EffectUnknown // gRPC shows nothing else of a call with two responses
	}
	if class := refused(f); class != classNone {
		return class, EffectNone
	}
	effect := EffectUnknown
	if !f.sent || f.unwritten {
		effect = EffectNone
	}
	if class := ended(f); class != classNone {
		return class, effect
	}
	switch {
	case !f.sent:
		return unsent(f), EffectNone
	case f.unwritten:
		return ClassNotProcessed, EffectNone
	case f.answered:
		return answered(f)
	}
	return unanswered(f)
}

// refused recognises every form in which an ingress turns a call away.
func refused(f failure) Class {
	if !f.sent {
		return classNone
	}
	switch refusal.Of(f.code, f.message, f.answered) {
	case refusal.WrongSide:
		return ClassWrongSide
	case refusal.Unavailable:
		return ClassUnavailable
	}
	return classNone
}

// ended recognises calls that this end gave up: by its context, or by closing
// the Conn. A server that says CANCELED or DEADLINE_EXCEEDED while the context lives
// speaks of something else (docs/rules.md, section 5).
func ended(f failure) Class {
	switch {
	case !f.answered && strings.Contains(f.message, closing) && !strings.HasPrefix(f.message, httpReply):
		return ClassCanceled
	case f.canceled && (f.code == codes.Canceled || f.code == codes.DeadlineExceeded):
		return ClassCanceled
	case f.code == codes.DeadlineExceeded && (f.expired || !f.sent),
		// Whoever ends a call at its deadline may say so in other ways.
		f.expired && f.code == codes.Canceled,
		f.expired && !f.answered && strings.HasPrefix(f.message, httpTimeout),
		f.expired && f.code == codes.Unavailable && f.message == envoyTimeout:
		return ClassTimeout
	}
	return classNone
}

// unsent classifies a call that got no stream.
func unsent(f failure) Class {
	switch f.code {
	case codes.Unavailable, codes.Canceled:
		return ClassUnreachable
	}
	return ClassUnsent
}

// answered classifies a failure whose response began as one of gRPC. What gRPC says on
// this end of a response that it could not read comes first; after that, the status is
// the server's.
func answered(f failure) (Class, Effect) {
	switch {
	case f.code == codes.ResourceExhausted && matchesAny(f.message, responseOversized):
		return ClassTooLarge, EffectDone
	case f.code == codes.ResourceExhausted && matchesAny(f.message, requestOversized):
		return ClassTooLarge, EffectUnknown // the response began before the request was complete
	case matchesAny(f.message, unreadable), dataBeyondWindow(f.message):
		return ClassNoResponse, EffectUnknown
	case f.code == codes.Unavailable && !f.upstream && notReached(f.message):
		return ClassUnreachable, EffectNone
	case f.code == codes.Unavailable:
		return ClassNoResponse, EffectUnknown
	case f.ingress && (f.code == codes.Unauthenticated || f.code == codes.PermissionDenied):
		return ClassCredentials, EffectUnknown
	case f.ingress && f.code == codes.Unimplemented && f.required:
		return ClassNoResponse, EffectNone // a call without a route
	case f.ingress && f.code != codes.Unimplemented:
		return ClassNoResponse, EffectUnknown
	case f.code == codes.Canceled, f.code == codes.DeadlineExceeded:
		if namesStatement(f.message) {
			return ClassStopped, EffectUnknown
		}
		return ClassNoResponse, EffectUnknown
	case f.code == codes.Unknown && f.message == "":
		// A plain HTTP error that claims to be gRPC, or trailers without a status.
		return ClassNoResponse, EffectUnknown
	case f.code == codes.Unknown:
		return ClassUnknownError, EffectDone
	case f.code == codes.Unauthenticated, f.code == codes.PermissionDenied:
		return ClassCredentials, EffectDone
	case f.code == codes.Internal && strings.Contains(f.message, accessDenied):
		return denied(f.message), EffectDone
	case f.code == codes.Unimplemented:
		return ClassUnimplemented, EffectNone
	}
	return ClassEngine, EffectDone
}

// unanswered classifies a call that got a stream, but no gRPC response on it: gRPC
// made the status on this end.
func unanswered(f failure) (Class, Effect) {
	switch {
	case f.code == codes.ResourceExhausted && matchesAny(f.message, requestOversized):
		// The stream is opened before the request is measured. Without its
		// request, a unary call does not begin.
		return ClassTooLarge, EffectNone
	case f.code == codes.Internal && matchesAny(f.message, unsendable):
		return ClassUnsent, EffectNone
	case matchesAny(f.message, unprocessed):
		return ClassNotProcessed, EffectNone
	case f.code == codes.Unavailable && matchesAny(f.message, notConnected):
		return ClassUnreachable, EffectNone
	case strings.HasPrefix(f.message, httpNoIdentity), strings.HasPrefix(f.message, httpForbidden):
		// A proxy may also hold back a response after the engine gave it.
		return ClassCredentials, EffectUnknown
	}
	return ClassNoResponse, EffectUnknown
}

// poison reports whether the connection of the call broke for a response on it, and the
// caller has to see to it.
func (e *Error) poison() bool {
	s, ok := status.FromError(e.Err)
	return ok && !e.remembered && e.Class == ClassNoResponse && matchesAny(s.Message(), poisoned)
}

// HTTPStatus is the status of a plain HTTP reply that came instead of a gRPC
// answer, and 0 if there was none.
func (e *Error) HTTPStatus() int {
	s, ok := status.FromError(e.Err)
	if !ok {
		return 0
	}
	rest, ok := strings.CutPrefix(s.Message(), httpReply)
	if !ok || len(rest) < 4 || rest[3] != ' ' {
		return 0
	}
	code, err := strconv.Atoi(rest[:3])
	if err != nil {
		return 0
	}
	return code
}
