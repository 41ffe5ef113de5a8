package wire

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6/fsm"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

func TestClassify_PlainHTTPResponses(t *testing.T) {
	for _, tc := range []struct {
		name        string
		code        int
		contentType string
		body        string
		class       Class
		effect      Effect
	}{
		{"456 with an HTML page is a refusal", 456, "text/html", "<html>456</html>", ClassWrongSide, EffectNone},
		{"456 with a text is a refusal", 456, "text/plain", "wrong", ClassWrongSide, EffectNone},
		{"456 with a long body is a refusal", 456, "text/html", strings.Repeat("x", 5000), ClassWrongSide, EffectNone},
		{"456 without a body is a refusal", 456, "", "", ClassWrongSide, EffectNone},
		{"456 that claims to be gRPC is an unknown failure", 456, "application/grpc", "", ClassNoResponse, EffectUnknown},
		{"503 with an HTML page is a suspended cluster", 503, "text/html", "<html>503</html>", ClassUnavailable, EffectNone},
		{"503 without a body is a suspended cluster", 503, "", "", ClassUnavailable, EffectNone},
		{"404 is a broken path and no missing method", 404, "text/plain", "not found", ClassNoResponse, EffectUnknown},
		{"502 of an engine that is gone", 502, "text/html", "bad gateway", ClassNoResponse, EffectUnknown},
		{"504 of an engine that is gone", 504, "text/html", "", ClassNoResponse, EffectUnknown},
		{"500 quoting a 456 is no refusal", 500, "text/plain", "status: 456", ClassNoResponse, EffectUnknown},
		{"429 is no refusal by side", 429, "text/plain", "456", ClassNoResponse, EffectUnknown},
		{"401 rejects the credentials", 401, "text/plain", "", ClassCredentials, EffectUnknown},
		{"200 with a page that is no gRPC is no answer", 200, "text/html", "<html></html>", ClassNoResponse, EffectUnknown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			address := serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header()["Content-Type"] = nil
				if tc.contentType != "" {
					w.Header().Set("Content-Type", tc.contentType)
				}
				w.WriteHeader(tc.code)
				_, _ = w.Write([]byte(tc.body))
			}, nil)
			e := requireFailure(t, ask(t, dial(t, address, Config{})), tc.class, tc.effect)
			require.LessOrEqual(t, len(e.Error()), 600)
		})
	}
}

func TestClassify_StatusesOfAServer(t *testing.T) {
	const quote = `unexpected HTTP status code received from server: 456 (); transport: received unexpected content-type "text/html"`
	for _, tc := range []struct {
		name    string
		code    codes.Code
		message string
		class   Class
		effect  Effect
	}{
		{"Envoy's 456 is a refusal", codes.Unknown, "status: 456", ClassWrongSide, EffectNone},
		{"the mock server's 456 is a refusal", codes.InvalidArgument, "Wrong strategy. Status: 456. Use green.", ClassWrongSide, EffectNone},
		{"Envoy's 503 is a suspended cluster", codes.Unavailable, "status: 503", ClassUnavailable, EffectNone},
		{"the newer 503 is a suspended cluster", codes.Unavailable, "status: 503, cluster is suspended", ClassUnavailable, EffectNone},
		{"Envoy's 456 with words is a refusal", codes.Unknown, "status: 456, wrong strategy", ClassWrongSide, EffectNone},
		{"Envoy's 456 with words after a space is a refusal", codes.Unknown, "status: 456 wrong strategy", ClassWrongSide, EffectNone},
		{"Envoy's 456 under another code is a refusal", codes.Internal, "status: 456", ClassWrongSide, EffectNone},
		{"Envoy's 456 under FAILED_PRECONDITION is a refusal", codes.FailedPrecondition, "status: 456, wrong strategy", ClassWrongSide, EffectNone},
		{"the 456 of gRPC's C core is a refusal", codes.Unknown, "Received http2 header with status: 456", ClassWrongSide, EffectNone},
		{"the 503 of gRPC's C core is an unavailable cluster", codes.Unavailable, "Received http2 header with status: 503", ClassUnavailable, EffectNone},
		{"a 4567 of gRPC's C core is no refusal", codes.Unknown, "Received http2 header with status: 4567", ClassUnknownError, EffectDone},
		{"a 500 of gRPC's C core is no refusal", codes.Unknown, "Received http2 header with status: 500", ClassUnknownError, EffectDone},
		{"an engine that quotes the ingress is no refusal", codes.Unknown, quote, ClassUnknownError, EffectDone},
		{"an engine that quotes the 503 is no suspension", codes.Unavailable, strings.Replace(quote, "456", "503", 1), ClassNoResponse, EffectUnknown},
		{"a statement with the text in it is no refusal", codes.Unknown, "cannot parse: select 'status: 456'", ClassUnknownError, EffectDone},
		{"a text that goes on is no refusal", codes.Unknown, "status: 456 rows", ClassUnknownError, EffectDone},
		{"a number with a fraction is no refusal", codes.Internal, "status: 456.5 seconds", ClassEngine, EffectDone},
		{"a longer number is no refusal", codes.Internal, "status: 4567", ClassEngine, EffectDone},
		{"a quotation in the middle is no refusal", codes.Internal, "the planner sent status: 456", ClassEngine, EffectDone},
		{"a query id with 456 is no refusal", codes.NotFound, "query 456-456 is not known", ClassEngine, EffectDone},
		{"a number that begins with 503 is no suspension", codes.Unavailable, "status: 5030", ClassNoResponse, EffectUnknown},
		{"a quoted mock refusal is no refusal", codes.InvalidArgument, "near 'Wrong strategy. Status: 456.'", ClassEngine, EffectDone},
		{"a denied session is an expired one", codes.Internal, "Access denied. Invalid session", ClassSession, EffectDone},
		{"a denial without a reason is that of a session", codes.Internal, "Access denied.", ClassSession, EffectDone},
		{"a session that has expired", codes.Internal, "Access denied: the session has expired", ClassSession, EffectDone},
		{"a right that the user lacks", codes.Internal, "Access denied: no SELECT on table user_session", ClassDenied, EffectDone},
		{"an internal error is the engine's", codes.Internal, "out of memory", ClassEngine, EffectDone},
		{"unauthenticated rejects the credentials", codes.Unauthenticated, "bad token", ClassCredentials, EffectDone},
		{"permission denied rejects the credentials", codes.PermissionDenied, "no", ClassCredentials, EffectDone},
		{"a missing method had no effect", codes.Unimplemented, "unknown method", ClassUnimplemented, EffectNone},
		{"an engine that shuts down proves nothing", codes.Unavailable, "shutting down", ClassNoResponse, EffectUnknown},
		{"an unknown error without a message proves nothing", codes.Unknown, "", ClassNoResponse, EffectUnknown},
		{"a query that another client cancelled is stopped", codes.Canceled, "the query was cancelled", ClassStopped, EffectUnknown},
		{"a query beyond the engine's time limit is stopped", codes.DeadlineExceeded, "the statement ran for too long", ClassStopped, EffectUnknown},
		{"a call that the server cancelled got no response", codes.Canceled, "context canceled", ClassNoResponse, EffectUnknown},
		{"a call that the server cancelled in other words got no response", codes.Canceled, "RPC cancelled", ClassNoResponse, EffectUnknown},
		{"a deadline that only the server sees got no response", codes.DeadlineExceeded, "context deadline exceeded", ClassNoResponse, EffectUnknown},
		{"a deadline without words that only the server sees got no response", codes.DeadlineExceeded, "", ClassNoResponse, EffectUnknown},
		{"Envoy without a host reached no engine", codes.Unavailable, "no healthy upstream", ClassUnreachable, EffectNone},
		{"Envoy without a connection reached no engine", codes.Unavailable, envoyReset + "connection failure", ClassUnreachable, EffectNone},
		{"Envoy whose connection was refused reached no engine", codes.Unavailable,
			envoyReset + "remote connection failure, transport failure reason: delayed connect error: 111", ClassUnreachable, EffectNone},
		{"Envoy that could not connect in time reached no engine", codes.Unavailable, envoyReset + "connection timeout", ClassUnreachable, EffectNone},
		{"Envoy's circuit breaker reached no engine", codes.Unavailable, envoyReset + "overflow", ClassUnreachable, EffectNone},
		{"Envoy whose stream was refused reached no engine", codes.Unavailable, envoyReset + "remote refused stream reset", ClassUnreachable, EffectNone},
		{"Envoy that retried may have reached one", codes.Unavailable,
			"upstream connect error or disconnect/reset before headers. retried and the latest reset reason: connection failure", ClassNoResponse, EffectUnknown},
		{"Envoy whose connection ended may have reached an engine", codes.Unavailable, envoyReset + "connection termination", ClassNoResponse, EffectUnknown},
		{"Envoy whose stream was reset may have reached an engine", codes.Unavailable, envoyReset + "remote reset", ClassNoResponse, EffectUnknown},
		{"a reason that Envoy does not have yet may have reached an engine", codes.Unavailable, envoyReset + "connection failure of a new kind", ClassNoResponse, EffectUnknown},
		{"Envoy's timeout may have reached an engine", codes.Unavailable, "upstream request timeout", ClassNoResponse, EffectUnknown},
		{"a quotation of Envoy's text proves nothing", codes.Unavailable, "planner: no healthy upstream", ClassNoResponse, EffectUnknown},
		{"Envoy's text under another code is the engine's", codes.Internal, "no healthy upstream", ClassEngine, EffectDone},
		{"a server's words about its own stream prove nothing", codes.Unavailable, "the connection is draining", ClassNoResponse, EffectUnknown},
	} {
		for form, early := range map[string]bool{"in trailers only": false, "after headers": true} {
			t.Run(tc.name+", "+form, func(t *testing.T) {
				address := serveEngine(t, func(ctx context.Context) (*e6xv1.StatusResponse, error) {
					if early {
						if err := grpc.SendHeader(ctx, metadata.Pairs("x", "y")); err != nil {
							return nil, err
						}
					}
					return nil, status.Error(tc.code, tc.message)
				})
				e := requireFailure(t, ask(t, dial(t, address, Config{})), tc.class, tc.effect)
				require.Equal(t, tc.code, status.Code(e))
				require.Equal(t, tc.message, status.Convert(e).Message())
			})
		}
	}
}

func TestClassify_DeadlineOfTheCallerOrOfTheServer(t *testing.T) {
	tooLate := func(context.Context) (*e6xv1.StatusResponse, error) {
		return nil, status.Error(codes.DeadlineExceeded, "the query ran for too long")
	}
	for _, tc := range []struct {
		name   string
		left   time.Duration // 0: no deadline
		class  Class
		effect Effect
	}{
		{"without a deadline it is the engine's", 0, ClassStopped, EffectUnknown},
		{"with time left it is the engine's", time.Minute, ClassStopped, EffectUnknown},
		{"with next to no time left it is the call's", clockSlack - time.Millisecond, ClassTimeout, EffectUnknown},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := dial(t, serveEngine(t, tooLate), Config{})
			_ = ask(t, c) // connected, so that no time is spent on it
			ctx, cancel := context.WithCancel(context.Background())
			if tc.left > 0 {
				ctx, cancel = context.WithTimeout(context.Background(), tc.left)
			}
			defer cancel()
			_, err := c.Engine(Call{Side: fsm.Blue}).Status(ctx, &e6xv1.StatusRequest{})
			requireFailure(t, err, tc.class, tc.effect)
			require.Equal(t, tc.class == ClassTimeout, errors.Is(err, context.DeadlineExceeded))
		})
	}
}
