package wire

import (
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
)

// FuzzJudge checks what must hold of every failure, whatever the message says.
func FuzzJudge(f *testing.F) {
	for _, message := range []string{
		"", httpWrongSide + ")", httpSuspended + "Service Unavailable)", statusWrongSide, statusSuspended, mockWrongSide,
		"Access denied. Invalid session", streamRefused, requestTooLarge, requestInvalid, canceled, closing, "grpc: x",
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
		class, effect := judge(in)
		if lateClass, lateEffect := judge(late); in.code != codes.DeadlineExceeded && (lateClass != class || lateEffect != effect) {
			t.Fatalf("%+v is judged by its deadline", in)
		}
		switch {
		case class == ClassTimeout && answered && in.code == codes.DeadlineExceeded:
			t.Fatalf("%+v has time left, and yet it is a timeout", in)
		case class == classNone:
			t.Fatalf("%+v has no class", in)
		case !sent && effect != EffectNone:
			t.Fatalf("%+v was never sent, and yet its effect is %v", in, effect)
		case !sent && (class == ClassWrongSide || class == ClassSuspended || class == ClassEngine):
			t.Fatalf("%+v was never sent, and yet somebody answered: %v", in, class)
		case class == ClassWrongSide && !strings.Contains(message, "456"), class == ClassSuspended && !strings.Contains(message, "503"):
			t.Fatalf("%+v is no refusal", in)
		case class == ClassEngine && !answered, effect == EffectDone && !answered:
			t.Fatalf("%+v was not answered, and yet it is %v, %v", in, class, effect)
		case answered && strings.HasPrefix(message, httpReply) && (class == ClassWrongSide || class == ClassSuspended):
			t.Fatalf("%+v is a quotation", in)
		}
	})
}
