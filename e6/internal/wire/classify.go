package wire

import (
	"context"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/internal/refusal"
)

// failure is the input of the classification of a failed call.
type failure struct {
	code    codes.Code
	message string
	// sent: the call got a stream on a connection, so that the server may have
	// seen it. Without one, nothing was written.
	sent bool
	// answered: header or trailer metadata of a gRPC server was received. A plain HTTP
	// response of an ingress, or a failure of the connection, has none. It does not
	// prove that the server sent the status: a response may begin well and become
	// unreadable after that.
	answered bool
	// upstream: the metadata shows that Envoy forwarded a response of an engine.
	upstream bool
	// ingress: Envoy made the response itself: it names itself as the server, and does
	// not add the time of the engine, which it adds to forwarded responses.
	ingress bool
	// required: every engine has the method.
	required bool
	// expired: the deadline of the call has passed or is about to.
	expired bool
	// canceled: the context of the call was cancelled.
	canceled bool
}

// clockSlack is how much earlier than this client a server may apply the deadline:
// clocks differ in speed, and a proxy may shorten the time.
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

// classify classifies the error of a call. ctx is the context of the call.
func (e *callOutcome) classify(ctx context.Context, err error) (Class, Effect) {
	s, ok := status.FromError(err)
	if !ok {
		// Only an interceptor of the caller returns an error that is not a status.
		s = status.FromContextError(err)
	}
	return classify(failure{
		code: s.Code(), message: s.Message(), sent: e.sent, answered: e.answered, upstream: e.upstream, ingress: e.ingress, required: e.required,
		expired: expired(ctx), canceled: ctx.Err() == context.Canceled,
	})
}

// Is makes errors.Is match the context error behind a timeout or a cancellation. gRPC
// replaces that error by a status.
func (e *Error) Is(target error) bool {
	switch target {
	case context.DeadlineExceeded:
		return e.Class == ClassTimeout
	case context.Canceled:
		return e.Class == ClassCanceled
	}
	return false
}

// classify returns the class and the effect of a failure. Proofs come before texts and
// guesses. The effect is none only if it is proven: nothing was sent, HTTP/2 guarantees
// that the stream was not processed, or an ingress reports that it did not forward the
// call.
func classify(f failure) (Class, Effect) {
	if f.code == codes.Internal && strings.HasPrefix(f.message, cardinality) {
		return ClassNoResponse, EffectUnknown // two responses: gRPC returns nothing else about the call
	}
	if class := refused(f); class != classNone {
		return class, EffectNone
	}
	effect := EffectUnknown
	if !f.sent {
		effect = EffectNone
	}
	if class := ended(f); class != classNone {
		return class, effect
	}
	switch {
	case !f.sent:
		return unsent(f), EffectNone
	case f.answered:
		return answered(f)
	}
	return unanswered(f)
}

// refused recognises every form of a refusal by an ingress.
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

// ended recognises calls that this client ended, by the context or by closing the
// Conn. CANCELED or DEADLINE_EXCEEDED from a server while the context has not ended has
// another meaning (docs/rules.md, section 5).
func ended(f failure) Class {
	switch {
	case !f.answered && strings.Contains(f.message, closing) && !strings.HasPrefix(f.message, httpReply):
		return ClassCanceled
	case f.canceled && (f.code == codes.Canceled || f.code == codes.DeadlineExceeded):
		return ClassCanceled
	case f.code == codes.DeadlineExceeded && (f.expired || !f.sent),
		// Servers and proxies that end a call at its deadline use other forms too.
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

// answered classifies a failure whose response began as a gRPC response. First come the
// texts of this client's gRPC about a response that it could not read; any other status
// is that of the server.
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
		// A plain HTTP error with the content type of gRPC, or trailers without a status.
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

// unanswered classifies a call that got a stream, but no gRPC response on it: the status
// is that of this client's gRPC.
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
		// A proxy may also replace the response of an engine that executed the call.
		return ClassCredentials, EffectUnknown
	}
	return ClassNoResponse, EffectUnknown
}

// poison reports whether a response broke the connection of the call, and the caller has
// to retry on its own connection.
func (e *Error) poison() bool {
	s, ok := status.FromError(e.Err)
	return ok && !e.remembered && e.Class == ClassNoResponse && matchesAny(s.Message(), poisoned)
}

// HTTPStatus is the status of a plain HTTP response in place of a gRPC response, and 0 if
// there was none.
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
