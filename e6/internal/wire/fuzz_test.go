package wire

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/internal/refusal"
)

// FuzzClassify checks what must hold of every failure, with any message.
func FuzzClassify(f *testing.F) {
	for _, message := range []string{
		"", httpReply + "456 ()", httpReply + "503 (Service Unavailable)", "status: 456", refusal.Suspended, "Wrong strategy. Status: 456.",
		"Access denied. Invalid session", streamReset + "REFUSED_STREAM", requestOversized[0].begins, unsendable[0].begins, "context canceled", closing, "grpc: x",
		envoyNoHost, envoyReset + "connection failure", unprocessed[0].begins, notConnected[0].begins, "Received http2 header with status: 456", envoyTimeout,
	} {
		for _, code := range []codes.Code{codes.Unknown, codes.Unavailable, codes.Internal, codes.InvalidArgument} {
			f.Add(uint32(code), message, true, true)
			f.Add(uint32(code), message, true, false)
			f.Add(uint32(code), message, false, false)
		}
	}
	f.Fuzz(func(t *testing.T, code uint32, message string, sent, answered bool) {
		if code == 0 || !sent && answered {
			return // no failure, or one that cannot be
		}
		in := failure{code: codes.Code(code), message: message, sent: sent, answered: answered}
		late := in
		late.expired = true
		class, effect := classify(in)
		if lateClass, lateEffect := classify(late); lateEffect != effect || lateClass != class && lateClass != ClassTimeout {
			t.Fatalf("%+v is classified by its deadline: %v", in, lateClass)
		}
		_, refused := strings.CutPrefix(message, httpReply)
		proven := !sent || class == ClassUnimplemented && answered ||
			matchesAny(message, unprocessed) && !answered || matchesAny(message, notConnected) && !answered ||
			matchesAny(message, unsendable) && !answered || matchesAny(message, requestOversized) && !answered ||
			notReached(message) && answered || (class == ClassWrongSide || class == ClassUnavailable) && refused != answered
		if !sent && strings.HasPrefix(message, cardinality) {
			return // it was sent, although gRPC shows otherwise
		}
		switch {
		case effect == EffectNone && !proven:
			t.Fatalf("%+v had no effect without a proof: %v", in, class)
		case class == ClassTimeout && sent, class == ClassCanceled && answered:
			t.Fatalf("%+v has time left, and is the caller's: %v", in, class)
		case class == classNone:
			t.Fatalf("%+v has no class", in)
		case !sent && effect != EffectNone:
			t.Fatalf("%+v was never sent, and yet its effect is %v", in, effect)
		case !sent && (class == ClassWrongSide || class == ClassUnavailable || class == ClassEngine):
			t.Fatalf("%+v was never sent, and yet it was answered: %v", in, class)
		case class == ClassWrongSide && !strings.Contains(message, "456"), class == ClassUnavailable && !strings.Contains(message, "503"):
			t.Fatalf("%+v is no refusal", in)
		case (class == ClassEngine || effect == EffectDone) && !answered:
			t.Fatalf("%+v was not answered, and yet it is %v, %v", in, class, effect)
		case answered && strings.HasPrefix(message, httpReply) && (class == ClassWrongSide || class == ClassUnavailable):
			t.Fatalf("%+v is a quotation", in)
		}
	})
}
