package wire

import (
	"strings"

	"github.com/e6data/e6data-go/internal/refusal"
)

// This file lists the texts that decide where gRPC gives nothing else. A status that
// gRPC made on this end, for a response that it could not read, is of the same type as
// one that a server sent. TestEveryTextOfGRPCIsCovered derives the texts of the pinned
// version from its source and fails for one that is not covered here.

// text matches a status message: one that begins with it, or is exactly it.
type text struct {
	begins string
	exact  bool
}

func (t text) matches(message string) bool {
	if t.exact {
		return message == t.begins
	}
	return strings.HasPrefix(message, t.begins)
}

func matchesAny(message string, texts []text) bool {
	for _, t := range texts {
		if t.matches(message) {
			return true
		}
	}
	return false
}

// What gRPC makes of a plain HTTP reply. Those that turn a call away are in package
// refusal.
const (
	httpReply      = refusal.HTTPReply
	httpTimeout    = httpReply + "504 ("
	httpNoIdentity = httpReply + "401 ("
	httpForbidden  = httpReply + "403 ("
)

// How gRPC describes RST_STREAM.
const (
	streamReset   = "stream terminated by RST_STREAM with error code: "
	streamRefused = streamReset + "REFUSED_STREAM"
)

// What this client says of a call that its Conn ended.
const closing = "the client connection is closing"

// What gRPC says of a connection that ended for too many PINGs, which is for the hint only.
const tooManyPings = `received prior goaway: code: ENHANCE_YOUR_CALM, debug data: "too_many_pings"`

// What gRPC says of a unary call with no response or with two.
const cardinality = "cardinality violation: "

// unprocessed are the texts that gRPC gives only to streams that the server did not
// process: RST_STREAM with REFUSED_STREAM; a stream above the last one of a GOAWAY; a
// stream whose headers were never written. They prove it if no metadata came, as a
// server may quote them. TestTextsOfUnprocessedStreamsAreUsedForNothingElse checks the
// source of gRPC.
var unprocessed = []text{
	{begins: streamRefused},
	{begins: "the connection is draining", exact: true},
	{begins: "the stream is rejected because server is draining the connection", exact: true},
	{begins: "transport is closing", exact: true},
}

// notConnected are the texts of a call that found no connection. gRPC repeats a call
// once whose stream was not processed; if that finds no connection, nothing but the
// text shows that the second attempt had no stream.
var notConnected = []text{
	{begins: `connection error: desc = "transport: Error while dialing`},
	{begins: `connection error: desc = "transport: error while dialing`},
	{begins: `connection error: desc = "transport: authentication handshake failed`},
	{begins: `connection error: desc = "transport: failed to write client preface`},
	{begins: `connection error: desc = "error reading server preface`},
	{begins: "name resolver error: "},
}

// unsendable are the texts of a request that gRPC did not send: its stream is opened
// before the request is encoded and measured.
var unsendable = []text{
	{begins: "grpc: error while marshaling: "},
	{begins: "grpc: error while compressing: "},
}

// requestOversized are the texts of a request that is over the limit of this client.
var requestOversized = []text{
	{begins: "trying to send message larger than max ("},
	{begins: "grpc: message too large ("},
}

// responseOversized are the texts about a message over a limit: gRPC on this end about
// a response, or a server about the request.
var responseOversized = []text{
	{begins: "grpc: received message larger than max"},
	{begins: "grpc: message after decompression larger than max"},
	{begins: "grpc: received message after decompression larger than max"},
	{begins: "gRPC message exceeds maximum size"},
}

// unreadable are the texts that gRPC makes on this end when a response had begun and
// cannot be read, or its connection was lost. A server that quotes one at the very
// beginning of its own message is classified alike: the effect is then unknown instead
// of done, which is safe.
var unreadable = []text{
	{begins: streamReset},
	{begins: "grpc: "}, // decompression, decoding, format of the payload
	{begins: "server closed the stream without sending trailers"},
	{begins: "a HEADERS frame cannot appear in the middle of a stream"},
	{begins: "peer header list size exceeded limit"},
	{begins: "protocol error: informational header with status code "},
	{begins: "malformed header: missing HTTP "},
	{begins: "transport: "}, // malformed grpc-status, metadata, content type
	{begins: cardinality},
	{begins: "unexpected EOF", exact: true},
	{begins: "error reading from server: "},
	{begins: "error reading server preface: "},
	{begins: "initial http2 frame from server is not a settings frame: "},
	{begins: "closing connection since the server is not reading: "},
	{begins: "closing transport due to: "},
	{begins: "connection error: desc = "},
	{begins: "keepalive ping failed to receive ACK within timeout"},
	{begins: "received goaway "},
	{begins: "no active streams left to process while draining"},
	{begins: "Unexpected error from context packet: "},
	// A frame of the response is invalid: golang.org/x/net/http2 describes it.
	{begins: "received invalid frame", exact: true},
	{begins: "invalid header field name "},
	{begins: "invalid header field value for "},
	{begins: "invalid pseudo-header "},
	{begins: "duplicate pseudo-header "},
	{begins: "mix of request and response pseudo headers", exact: true},
	{begins: "pseudo header field after regular", exact: true},
}

// dataBeyondWindow reports whether message says that a response exceeded the window
// of flow control, as gRPC on this end does. Its numbers are in the middle.
func dataBeyondWindow(message string) bool {
	rest, ok := strings.CutPrefix(message, "received ")
	return ok && strings.Contains(rest, "-bytes data exceeding the limit ")
}

// poisoned are the texts of calls whose connection broke as a response violated
// HTTP/2: a frame or a header that is too large or malformed.
var poisoned = []text{
	{begins: "error reading from server: connection error: "},
	{begins: "error reading from server: http2: "},
	{begins: `connection error: desc = "error reading from server: connection error: `},
	{begins: `connection error: desc = "error reading from server: http2: `},
	{begins: `closing transport due to: connection error: desc = "error reading from server: connection error: `},
	{begins: `closing transport due to: connection error: desc = "error reading from server: http2: `},
}

// What the engine says of a session that it does not accept, and of a right that the user
// lacks.
const accessDenied = "Access denied"

// sessionTexts name the session in a denial, in lower case. The name of a table may hold
// the word alone.
var sessionTexts = []string{
	"invalid session", "session is invalid", "session is not valid", "expired session", "session expired", "session has expired",
	"unknown session", "session not found", "session does not exist", "no session",
}

// denied classifies a denial of the engine by its text. One that says nothing more than
// that access is denied is taken for that of a session.
func denied(message string) Class {
	detail := strings.ToLower(message)
	if strings.Trim(detail, ". ") == strings.ToLower(accessDenied) {
		return ClassSession
	}
	for _, text := range sessionTexts {
		if strings.Contains(detail, text) {
			return ClassSession
		}
	}
	return ClassDenied
}

// Envoy's own replies to a call that it could not pass on, as the message of a status
// UNAVAILABLE (its router, and the names of its reset reasons). Those listed reached no
// engine: there was no host, no connection, or no permission for one more request; a
// stream that was refused was not processed. After a retry of Envoy's own, the text says
// "retried and the latest reset reason" and proves nothing about the first attempt.
// Every other reason leaves the effect unknown: connection termination, local reset,
// remote reset, protocol error, and "upstream request timeout".
const (
	envoyNoHost  = "no healthy upstream"
	envoyReset   = "upstream connect error or disconnect/reset before headers. reset reason: "
	envoyTimeout = "upstream request timeout"
)

var envoyNotReached = []string{
	"connection failure", "local connection failure", "remote connection failure", "connection timeout",
	"overflow", "remote refused stream reset",
}

// notReached reports whether message is Envoy's about a call that reached no engine.
func notReached(message string) bool {
	if message == envoyNoHost {
		return true
	}
	reason, ok := strings.CutPrefix(message, envoyReset)
	if !ok {
		return false
	}
	// What Envoy knows of the failure may follow: ", transport failure reason: ...".
	reason, _, _ = strings.Cut(reason, ",")
	for _, r := range envoyNotReached {
		if reason == r {
			return true
		}
	}
	return false
}

// namesStatement reports whether message is about a query or a statement, and not
// about the call.
func namesStatement(message string) bool {
	lower := strings.ToLower(message)
	return strings.Contains(lower, "query") || strings.Contains(lower, "statement")
}
