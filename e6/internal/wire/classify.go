package wire

import (
	"context"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// failure is everything that is known of a call that failed.
type failure struct {
	code    codes.Code
	message string
	// sent: the call got a stream on a connection, so that the server may have
	// seen it. Without one, nothing was written.
	sent bool
	// answered: header or trailer metadata came from a server that speaks
	// gRPC. A plain HTTP reply, as an ingress gives it, has none.
	answered bool
	// expired: the deadline of the call is over, as far as this end can tell. A
	// call without a deadline never expires.
	expired bool
}

// clockSlack is how much earlier than this end the server may find that the
// deadline is over: clocks differ in speed, and a proxy may shorten the time.
const clockSlack = 100 * time.Millisecond

// expired reports whether the deadline of a call that has just failed is over.
// The context itself may not have noticed yet.
func expired(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) <= clockSlack
}

// judge decides what the error of a call means. The context is the call's.
func (e *evidence) judge(ctx context.Context, err error) (Class, Effect) {
	s, ok := status.FromError(err)
	if !ok {
		// Only an interceptor of the caller's gives anything but a status.
		s = status.FromContextError(err)
	}
	return judge(failure{code: s.Code(), message: s.Message(), sent: e.sent, answered: e.answered, expired: expired(ctx)})
}

// Classify returns the class of the *Error in err's chain, and the zero Class if
// there is none or err is nil.
func Classify(err error) Class {
	if e, ok := AsError(err); ok {
		return e.Class
	}
	return classNone
}

// classNone is the class of what is no failure of a call.
const classNone Class = 0

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

// The beginnings of messages that gRPC itself makes of what is no gRPC answer.
// What follows them differs with the reply's content type and body.
const (
	httpReply       = "unexpected HTTP status code received from server: "
	httpWrongSide   = httpReply + "456 ("
	httpSuspended   = httpReply + "503 ("
	httpNoIdentity  = httpReply + "401 ("
	httpForbidden   = httpReply + "403 ("
	streamReset     = "stream terminated by RST_STREAM with error code: "
	streamRefused   = streamReset + "REFUSED_STREAM"
	requestTooLarge = "trying to send message larger than max ("
	requestBeyond   = "grpc: message too large ("
	requestInvalid  = "grpc: error while marshaling: "
)

// The texts of a refusal that came as a gRPC status.
const (
	statusWrongSide = "status: 456"
	statusSuspended = "status: 503"
	mockWrongSide   = "Wrong strategy. Status: 456."
	accessDenied    = "Access denied"
)

// What gRPC on this end says of a call that was answered more than once.
const twoAnswers = "cardinality violation: "

// What gRPC on this end says of a call that this end has given up.
const (
	canceled = "context canceled"
	closing  = "the client connection is closing"
)

// brokenAnswers are the beginnings of messages that gRPC gives on this end when
// an answer had begun and cannot be understood. An engine that quotes one at
// the very beginning of its own message is judged the same: the effect is then
// unknown instead of done, which errs on the safe side.
var brokenAnswers = []string{
	streamReset,
	"grpc: ", // unmarshal, decompress, payload format
	"a HEADERS frame cannot appear in the middle of a stream",
	"peer header list size exceeded limit",
	"unexpected EOF",
}

// oversized are the beginnings of messages about a message beyond a limit: gRPC
// on this end of an answer, or the server of a request.
var oversized = []string{
	"grpc: received message larger than max",
	"grpc: message after decompression larger than max",
	"grpc: received message after decompression larger than max",
	"gRPC message exceeds maximum size",
}

// judge decides what a failure was and what the call left behind. The order of
// the steps matters: what is certain comes first.
func judge(f failure) (Class, Effect) {
	if f.code == codes.Internal && strings.HasPrefix(f.message, twoAnswers) {
		return ClassBroken, EffectUnknown // gRPC shows nothing else of such a call
	}
	if class := refusal(f); class != classNone {
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
		return answer(f)
	}
	return unanswered(f)
}

// refusal recognises every form in which an ingress turns a call away. The
// text of a plain HTTP reply counts only without gRPC metadata: with it, an
// engine is quoting the text in an error of its own.
func refusal(f failure) Class {
	if !f.sent {
		return classNone
	}
	plain := !f.answered
	switch f.code {
	case codes.Unknown:
		if plain && strings.HasPrefix(f.message, httpWrongSide) || f.message == statusWrongSide {
			return ClassWrongSide
		}
	case codes.InvalidArgument:
		if strings.HasPrefix(f.message, mockWrongSide) {
			return ClassWrongSide
		}
	case codes.Unavailable:
		if plain && strings.HasPrefix(f.message, httpSuspended) || beginsNumber(f.message, statusSuspended) {
			return ClassSuspended
		}
	}
	return classNone
}

// beginsNumber reports whether message begins with prefix, whose last digit is
// not followed by another one: 5030 is no 503.
func beginsNumber(message, prefix string) bool {
	rest, ok := strings.CutPrefix(message, prefix)
	return ok && (rest == "" || rest[0] < '0' || rest[0] > '9')
}

// ended recognises calls that this end gave up: by its context, or by closing
// the Conn. gRPC says so in a text of its own. A server that answers with the
// same code in other words speaks of something else, for example of a query
// that somebody else has cancelled.
func ended(f failure) Class {
	switch {
	case strings.Contains(f.message, closing) && !f.answered:
		return ClassCanceled
	case f.code == codes.DeadlineExceeded && (!f.answered || f.expired):
		// The server counts the same deadline, and may notice it first. While
		// there is time left, it speaks of a limit of its own.
		return ClassTimeout
	case f.code == codes.Canceled && (!f.sent || strings.HasPrefix(f.message, canceled)):
		return ClassCanceled
	}
	return classNone
}

// unsent judges a call that got no stream.
func unsent(f failure) Class {
	if f.code == codes.Unavailable {
		return ClassUnreachable
	}
	return ClassUnsent
}

// answer judges an error that came, or began, as a gRPC answer.
func answer(f failure) (Class, Effect) {
	switch {
	case f.code == codes.ResourceExhausted && beginsAny(f.message, oversized):
		return ClassTooLarge, EffectDone
	case f.code == codes.Unavailable, beginsAny(f.message, brokenAnswers):
		return ClassBroken, EffectUnknown
	case f.code == codes.Unknown && f.message == "":
		// A plain HTTP error that claims to be gRPC looks like this.
		return ClassBroken, EffectUnknown
	case f.code == codes.Unauthenticated, f.code == codes.PermissionDenied:
		return ClassCredentials, EffectDone
	case f.code == codes.Internal && strings.Contains(f.message, accessDenied):
		return ClassSession, EffectDone
	case f.code == codes.Unimplemented:
		return ClassUnimplemented, EffectNone
	}
	return ClassEngine, EffectDone
}

// unanswered judges a call that got a stream, but no gRPC answer on it.
func unanswered(f failure) (Class, Effect) {
	switch {
	case f.code == codes.ResourceExhausted && (strings.HasPrefix(f.message, requestTooLarge) || strings.HasPrefix(f.message, requestBeyond)):
		// The stream is opened before the request is measured. Without its
		// request, a unary call does not begin.
		return ClassTooLarge, EffectNone
	case f.code == codes.Internal && strings.HasPrefix(f.message, requestInvalid):
		return ClassUnsent, EffectNone
	case strings.HasPrefix(f.message, streamRefused):
		// HTTP/2 guarantees that a refused stream was not processed.
		return ClassBroken, EffectNone
	case strings.HasPrefix(f.message, httpNoIdentity), strings.HasPrefix(f.message, httpForbidden):
		// A proxy may also hold back an answer after the engine gave it.
		return ClassCredentials, EffectUnknown
	}
	return ClassBroken, EffectUnknown
}

func beginsAny(message string, prefixes []string) bool {
	for _, p := range prefixes {
		if strings.HasPrefix(message, p) {
			return true
		}
	}
	return false
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
