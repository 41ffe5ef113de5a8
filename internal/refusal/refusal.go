// Package refusal recognises the forms in which an ingress turns a call away: 456, as the
// side is not the active one, and 503, as the cluster is suspended or no engine is there.
// The client and the doctor of the command share it. docs/rules.md, section 3, lists the
// forms of a 456.
package refusal

import (
	"strings"

	"google.golang.org/grpc/codes"
)

// Kind is what a failed call means for the side that it was sent to.
type Kind uint8

// The kinds.
const (
	// None: the ingress passed the call on, or it is not known.
	None Kind = iota
	// WrongSide: 456, the side is not the active one.
	WrongSide
	// Unavailable: 503, a suspended cluster or an ingress without an engine.
	Unavailable
)

// HTTPReply is gRPC's error text for a plain HTTP reply, before its status. The text after
// the status depends on the content type and the body of the reply.
const HTTPReply = "unexpected HTTP status code received from server: "

// Suspended begins the message of a gRPC status that stands for a 503.
const Suspended = "status: 503"

const (
	wrongSide = "status: 456"
	// gRPC's C core has this text for a plain HTTP reply, and a proxy may pass it on.
	core = "Received http2 header with "
	// The public connector's mock server sends this.
	mock = "Wrong strategy. Status: 456."
)

// Of recognises a refusal by the status of a call, and by whether the response had
// metadata of gRPC. Without it, gRPC made the status on this end, of a plain HTTP reply or
// a lost connection; with it, an engine may quote the text of such a status in an error
// of its own.
func Of(code codes.Code, message string, answered bool) Kind {
	switch {
	case !answered && code == codes.Unknown && strings.HasPrefix(message, HTTPReply+"456 ("):
		return WrongSide
	case !answered && code == codes.Unavailable && strings.HasPrefix(message, HTTPReply+"503 ("):
		return Unavailable
	case !answered:
		return None
	case beginsWithStatus(message, wrongSide), beginsWithStatus(message, core+wrongSide), strings.HasPrefix(message, mock):
		return WrongSide
	case code == codes.Unavailable && (beginsNumber(message, Suspended) || beginsNumber(message, core+Suspended)):
		return Unavailable
	}
	return None
}

// beginsWithStatus reports whether message begins with prefix, and goes on as a reply of
// an ingress does: not at all, with punctuation, or with the words about the strategy.
// "status: 456 rows" and "status: 4567" are something else.
func beginsWithStatus(message, prefix string) bool {
	rest, ok := strings.CutPrefix(message, prefix)
	if !ok {
		return false
	}
	if rest == "" {
		return true
	}
	if strings.ContainsRune(",.;:)\n-", rune(rest[0])) {
		return len(rest) == 1 || rest[1] < '0' || rest[1] > '9' // 456.7 is a number
	}
	rest = strings.TrimLeft(rest, " ")
	lower := strings.ToLower(rest[:min(len(rest), len("wrong strategy"))])
	return rest == "" || rest[0] == '(' || rest[0] == '-' || lower == "wrong strategy"
}

// beginsNumber reports whether message begins with prefix, whose last digit is
// not followed by another one: 5030 is no 503.
func beginsNumber(message, prefix string) bool {
	rest, ok := strings.CutPrefix(message, prefix)
	return ok && (rest == "" || rest[0] < '0' || rest[0] > '9')
}
