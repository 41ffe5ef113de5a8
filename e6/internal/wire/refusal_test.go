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

func TestPlainHTTPRepliesOfAnIngress(t *testing.T) {
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
		{"456 that claims to be gRPC is an unknown failure", 456, "application/grpc", "", ClassBroken, EffectUnknown},
		{"503 with an HTML page is a suspended cluster", 503, "text/html", "<html>503</html>", ClassSuspended, EffectNone},
		{"503 without a body is a suspended cluster", 503, "", "", ClassSuspended, EffectNone},
		{"404 is a broken path and no missing method", 404, "text/plain", "not found", ClassBroken, EffectUnknown},
		{"502 says that the engine is gone", 502, "text/html", "bad gateway", ClassBroken, EffectUnknown},
		{"504 says that the engine is gone", 504, "text/html", "", ClassBroken, EffectUnknown},
		{"500 quoting a 456 is no refusal", 500, "text/plain", "status: 456", ClassBroken, EffectUnknown},
		{"429 is no refusal by side", 429, "text/plain", "456", ClassBroken, EffectUnknown},
		{"401 rejects the credentials", 401, "text/plain", "", ClassCredentials, EffectUnknown},
		{"200 with a page that is no gRPC is no answer", 200, "text/html", "<html></html>", ClassBroken, EffectUnknown},
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
			e := judged(t, ask(t, dial(t, address, Config{})), tc.class, tc.effect)
			require.LessOrEqual(t, len(e.Error()), 600)
		})
	}
}

func TestStatusesThatAServerAnswers(t *testing.T) {
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
		{"Envoy's 503 is a suspended cluster", codes.Unavailable, "status: 503", ClassSuspended, EffectNone},
		{"the newer 503 is a suspended cluster", codes.Unavailable, "status: 503, cluster is suspended", ClassSuspended, EffectNone},
		{"an engine that quotes the ingress is no refusal", codes.Unknown, quote, ClassEngine, EffectDone},
		{"an engine that quotes the 503 is no suspension", codes.Unavailable, strings.Replace(quote, "456", "503", 1), ClassBroken, EffectUnknown},
		{"a statement with the text in it is no refusal", codes.Unknown, "cannot parse: select 'status: 456'", ClassEngine, EffectDone},
		{"a text that goes on is no refusal", codes.Unknown, "status: 456 rows", ClassEngine, EffectDone},
		{"another code with the text is no refusal", codes.Internal, "status: 456", ClassEngine, EffectDone},
		{"a query id with 456 is no refusal", codes.NotFound, "query 456-456 is not known", ClassEngine, EffectDone},
		{"a number that begins with 503 is no suspension", codes.Unavailable, "status: 5030", ClassBroken, EffectUnknown},
		{"a quoted mock refusal is no refusal", codes.InvalidArgument, "near 'Wrong strategy. Status: 456.'", ClassEngine, EffectDone},
		{"a denied session is an expired one", codes.Internal, "Access denied. Invalid session", ClassSession, EffectDone},
		{"an internal error is the engine's", codes.Internal, "out of memory", ClassEngine, EffectDone},
		{"unauthenticated rejects the credentials", codes.Unauthenticated, "bad token", ClassCredentials, EffectDone},
		{"permission denied rejects the credentials", codes.PermissionDenied, "no", ClassCredentials, EffectDone},
		{"a missing method had no effect", codes.Unimplemented, "unknown method", ClassUnimplemented, EffectNone},
		{"an engine that is going away tells nothing", codes.Unavailable, "shutting down", ClassBroken, EffectUnknown},
		{"an unknown error without words tells nothing", codes.Unknown, "", ClassBroken, EffectUnknown},
		{"a query that somebody else cancelled is the engine's error", codes.Canceled, "query was cancelled", ClassEngine, EffectDone},
		{"a time limit of the engine's own is the engine's error", codes.DeadlineExceeded, "too late", ClassEngine, EffectDone},
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
				e := judged(t, ask(t, dial(t, address, Config{})), tc.class, tc.effect)
				require.Equal(t, tc.code, status.Code(e))
				require.Equal(t, tc.message, status.Convert(e).Message())
			})
		}
	}
}

func TestWhoseDeadlineItWasIsTold(t *testing.T) {
	tooLate := func(context.Context) (*e6xv1.StatusResponse, error) {
		return nil, status.Error(codes.DeadlineExceeded, "the query ran for too long")
	}
	for _, tc := range []struct {
		name   string
		left   time.Duration // 0: no deadline
		class  Class
		effect Effect
	}{
		{"without a deadline it is the engine's", 0, ClassEngine, EffectDone},
		{"with time left it is the engine's", time.Minute, ClassEngine, EffectDone},
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
			judged(t, err, tc.class, tc.effect)
			require.Equal(t, tc.class == ClassTimeout, errors.Is(err, context.DeadlineExceeded))
		})
	}
}
