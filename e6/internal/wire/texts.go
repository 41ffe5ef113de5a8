package wire

import (
	"strings"

	"github.com/e6data/e6data-go/internal/refusal"
)

// This file lists the texts by which failures are classified where gRPC returns nothing
// else. A status that gRPC of this client made, for a response that it could not read, has
// the same type as one that a server sent. TestGRPCTexts_AllAreCovered derives the texts
// of the pinned version from its source and fails for one that is not covered here.

// text matches a status message that begins with it or, if exact is set, equals it.
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

// The texts of gRPC for a plain HTTP response. Those of refusals are in package refusal.
const (
	httpReply      = refusal.HTTPReply
	httpTimeout    = httpReply + "504 ("
	httpNoIdentity = httpReply + "401 ("
	httpForbidden  = httpReply + "403 ("
)

// The texts of gRPC for RST_STREAM.
const (
	streamReset = "stream terminated by RST_STREAM with error code: "
)

// The text of gRPC for a call that ended with its Conn.
const closing = "the client connection is closing"

// The text of gRPC for a connection that ended because of too many PINGs. It is used for a
// hint only.
const tooManyPings = `received prior goaway: code: ENHANCE_YOUR_CALM, debug data: "too_many_pings"`

// The text of gRPC for a unary call without a response or with two.
const cardinality = "cardinality violation: "

// unprocessed are the texts that gRPC uses only for streams that the server did not
// process: a stream above the last one of a GOAWAY; a stream whose headers were never
// written. They are a proof only without metadata, as a server may quote them. RST_STREAM
// with REFUSED_STREAM is not among them: see noRetry. TestGRPCTexts_UnprocessedAreUsedForNothingElse checks the
// source of gRPC.
var unprocessed = []text{
	{begins: "the connection is draining", exact: true},
	{begins: "the stream is rejected because server is draining the connection", exact: true},
	{begins: "transport is closing", exact: true},
}

// notConnected are the texts of a call that found no connection. gRPC retries a call once
// if its stream ended before its request was written; if the retry finds no connection,
// only the text shows that the second attempt had no stream.
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

// responseOversized are the texts about a message over a limit: of this client's gRPC
// about a response, or of a server about the request.
var responseOversized = []text{
	{begins: "grpc: received message larger than max"},
	{begins: "grpc: message after decompression larger than max"},
	{begins: "grpc: received message after decompression larger than max"},
	{begins: "gRPC message exceeds maximum size"},
}

// unreadable are the texts of this client's gRPC when a response had begun and cannot be
// read, or its connection was lost. A message of a server that begins with one is
// classified in the same way: its effect is unknown instead of done, which is safe.
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

// dataBeyondWindow reports whether message is that of this client's gRPC about a response
// that exceeded the flow-control window. It has numbers in the middle.
func dataBeyondWindow(message string) bool {
	rest, ok := strings.CutPrefix(message, "received ")
	return ok && strings.Contains(rest, "-bytes data exceeding the limit ")
}

// poisoned are the texts of calls whose connection broke because a response violated
// HTTP/2: a frame or a header that is too large or malformed.
var poisoned = []text{
	{begins: "error reading from server: connection error: "},
	{begins: "error reading from server: http2: "},
	{begins: `connection error: desc = "error reading from server: connection error: `},
	{begins: `connection error: desc = "error reading from server: http2: `},
	{begins: `closing transport due to: connection error: desc = "error reading from server: connection error: `},
	{begins: `closing transport due to: connection error: desc = "error reading from server: http2: `},
}

// The text of the engine for a session that it does not accept, and for a right that the
// user lacks.
const accessDenied = "Access denied"

// sessionTexts name the session in a denial, in lower case. The name of a table may hold
// the word alone.
var sessionTexts = []string{
	"invalid session", "session is invalid", "session is not valid", "expired session", "session expired", "session has expired",
	"unknown session", "session not found", "session does not exist", "no session",
}

// denied classifies a denial of the engine by its text. The bare text "Access denied" is
// taken for the denial of a session.
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

// Responses of Envoy itself to a call that it could not forward, as the message of a
// status UNAVAILABLE (its router, and the names of its reset reasons). The listed calls
// reached no engine: there was no host, no connection, or no permission for one more
// request; a refused stream was not processed. After a retry by Envoy, the text is
// "retried and the latest reset reason" and proves nothing about the first attempt. Every
// other reason leaves the effect unknown: connection termination, local reset, remote
// reset, protocol error, and "upstream request timeout".
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
	// A detail may follow: ", transport failure reason: ...".
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
