package wire

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6/fsm"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// hostile is an engine whose prepare answers what the test wants.
type hostile struct {
	e6xv1.UnimplementedQueryEngineServiceServer
	prepared *e6xv1.PrepareStatementResponse
	schemas  *e6xv1.GetSchemaNamesResponse
	batch    *e6xv1.GetNextResultBatchResponse
	err      error
}

func (h *hostile) PrepareStatementV2(context.Context, *e6xv1.PrepareStatementV2Request) (*e6xv1.PrepareStatementResponse, error) {
	return h.prepared, h.err
}

func (h *hostile) GetSchemaNamesV2(context.Context, *e6xv1.GetSchemaNamesV2Request) (*e6xv1.GetSchemaNamesResponse, error) {
	return h.schemas, h.err
}

func (h *hostile) GetNextResultBatch(context.Context, *e6xv1.GetNextResultBatchRequest) (*e6xv1.GetNextResultBatchResponse, error) {
	return h.batch, h.err
}

func (h *hostile) dial(t *testing.T, cfg Config) e6xv1.QueryEngineServiceClient {
	return dial(t, serveService(t, h), cfg).Engine(Call{Side: fsm.Blue})
}

func classed(t *testing.T, err error, class Class, effect Effect) {
	t.Helper()
	e, ok := AsError(err)
	require.True(t, ok, "not an *Error: %v", err)
	require.Equal(t, class, e.Class, "%v", err)
	require.Equal(t, effect, e.Effect, "%v", err)
}

func TestResponse_NamesMustBeShortAndPrintable(t *testing.T) {
	long := strings.Repeat("x", maxSessionBytes+1)
	for name, prepared := range map[string]*e6xv1.PrepareStatementResponse{
		"a long query id":        {QueryId: long},
		"a long planner":         {QueryId: "q", EngineIP: long},
		"a long session id":      {QueryId: "q", SessionId: long},
		"a header in a planner":  {QueryId: "q", EngineIP: "10.0.0.1\r\nauthorization: x"},
		"a log line in a query":  {QueryId: "q\ntime=now level=INFO msg=paid"},
		"an escape in a planner": {QueryId: "q", EngineIP: "\x1b[2J"},
	} {
		t.Run(name, func(t *testing.T) {
			h := &hostile{prepared: prepared}
			_, err := h.dial(t, Config{}).PrepareStatementV2(t.Context(), &e6xv1.PrepareStatementV2Request{})
			classed(t, err, ClassNoResponse, EffectUnknown)
			require.Less(t, len(err.Error()), 400)
			require.NotContains(t, err.Error(), "\x1b")
		})
	}
	most := &e6xv1.PrepareStatementResponse{QueryId: long[:maxNameBytes], EngineIP: long[:maxNameBytes], SessionId: long[:maxSessionBytes]}
	_, err := (&hostile{prepared: most}).dial(t, Config{}).PrepareStatementV2(t.Context(), &e6xv1.PrepareStatementV2Request{})
	require.NoError(t, err)
}

func TestResponse_ClusterStatusMustBeShortAndPrintable(t *testing.T) {
	for _, status := range []string{strings.Repeat("x", maxNameBytes+1), "active\x1b[2J"} {
		for _, reply := range []any{&e6xv1.ClusterStatusResponse{Status: status}, &e6xv1.ResumeResponse{Status: status}, &e6xv1.SuspendResponse{Status: status}} {
			require.Error(t, check(reply), "%T", reply)
		}
	}
	require.NoError(t, check(&e6xv1.ClusterStatusResponse{Status: "active"}))
}

func TestResponse_OnlyRowsMayBeLarge(t *testing.T) {
	large := make([]byte, maxOtherBytes+1)
	h := &hostile{schemas: &e6xv1.GetSchemaNamesResponse{Schemas: []string{string(large)}}, batch: &e6xv1.GetNextResultBatchResponse{ResultBatch: large}}
	client := h.dial(t, Config{})
	_, err := client.GetSchemaNamesV2(t.Context(), &e6xv1.GetSchemaNamesV2Request{})
	classed(t, err, ClassTooLarge, EffectDone)
	_, err = client.GetNextResultBatch(t.Context(), &e6xv1.GetNextResultBatchRequest{})
	require.NoError(t, err)
	client = h.dial(t, Config{MaxReceiveBytes: 1 << 20})
	_, err = client.GetNextResultBatch(t.Context(), &e6xv1.GetNextResultBatchRequest{})
	classed(t, err, ClassTooLarge, EffectDone)
}

func TestError_TextIsBoundedAndPrintable(t *testing.T) {
	h := &hostile{err: status.Error(codes.InvalidArgument, "\x1b]0;owned\a\u202e near line 1\n  SELEC")}
	_, err := h.dial(t, Config{}).PrepareStatementV2(t.Context(), &e6xv1.PrepareStatementV2Request{})
	require.ErrorContains(t, err, `\x1b]0;owned\a\u202e near line 1`+"\n  SELEC")
	h = &hostile{err: status.Error(codes.InvalidArgument, strings.Repeat("x", 2*maxHeaderBytes))}
	_, err = h.dial(t, Config{}).PrepareStatementV2(t.Context(), &e6xv1.PrepareStatementV2Request{})
	failed, ok := AsError(err)
	require.True(t, ok, "%v", err)
	require.Less(t, len(failed.Err.Error()), maxHeaderBytes)
}
