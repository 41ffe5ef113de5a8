package wire

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// Envoy's own response to a call has the form of an engine's error. Only a forwarded
// response has the header with the time of the engine.
func TestClassify_ResponseOfEnvoyIsNotOfTheEngine(t *testing.T) {
	for name, tc := range map[string]struct {
		passed, failed map[string]string // headers of a response that is passed on, and of the error
		class          Class
		effect         Effect
	}{
		"its own":                              {map[string]string{upstreamTime: "1", "Server": "envoy"}, map[string]string{"Server": "envoy"}, ClassNoResponse, EffectUnknown},
		"the engine's":                         {map[string]string{upstreamTime: "1", "Server": "envoy"}, map[string]string{upstreamTime: "2", "Server": "envoy"}, ClassEngine, EffectDone},
		"of an Envoy that never adds the time": {map[string]string{"Server": "envoy"}, map[string]string{"Server": "envoy"}, ClassEngine, EffectDone},
		"the engine's, by another proxy":       {map[string]string{upstreamTime: "1", "Server": "envoy"}, map[string]string{"Server": "nginx"}, ClassEngine, EffectDone},
		"the engine's, by a silent proxy":      {map[string]string{upstreamTime: "1", "Server": "envoy"}, nil, ClassEngine, EffectDone},
	} {
		t.Run(name, func(t *testing.T) {
			var fail atomic.Bool
			c := dial(t, serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
				headers, code := tc.passed, "0"
				if fail.Load() {
					headers, code = tc.failed, "13"
				}
				for key, value := range headers {
					w.Header().Set(key, value)
				}
				w.Header().Set("Content-Type", "application/grpc")
				if code != "0" {
					w.Header().Set("Grpc-Status", code)
					w.Header().Set("Grpc-Message", "Bad Request")
					return
				}
				_, _ = w.Write(make([]byte, 5))
				w.Header().Set(http.TrailerPrefix+"Grpc-Status", code)
			}, nil), Config{})
			require.NoError(t, ask(t, c))
			fail.Store(true)
			requireFailure(t, ask(t, c), tc.class, tc.effect)
		})
	}
}

// An ingress without a route to a method that every engine has, has none to an engine.
func TestClassify_CallWithoutARouteIsNoAnswer(t *testing.T) {
	var fail atomic.Bool
	c := dial(t, serveHTTP(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Server", "envoy")
		w.Header().Set("Content-Type", "application/grpc")
		if fail.Load() {
			w.Header().Set("Grpc-Status", "12")
			return
		}
		w.Header().Set(upstreamTime, "1")
		_, _ = w.Write(make([]byte, 5))
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
	}, nil), Config{})
	require.NoError(t, ask(t, c))
	fail.Store(true)
	engine := c.Engine(Call{Side: fsm.Blue})
	_, err := engine.Authenticate(t.Context(), &e6xv1.AuthenticateRequest{})
	o := OutcomeOf(err)
	require.Equal(t, ClassNoResponse, o.Class, "%v", err)
	require.Equal(t, EffectNone, o.Effect)
	_, err = engine.GetNextResultBatchV2(t.Context(), &e6xv1.GetNextResultBatchRequest{})
	require.Equal(t, ClassUnimplemented, Classify(err), "an older engine does not have it: %v", err)
}
