package e6_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
)

const (
	insertSeven = "INSERT INTO sales VALUES (7)"
	tenNumbers  = "SELECT * FROM numbers(10)"
	envoyReset  = "upstream connect error or disconnect/reset before headers. reset reason: "
)

// TestUnreadableResponse_HasAnUnknownEffect shows what becomes of a statement that the engine
// has executed, if what comes back is no response of gRPC, or not the engine's.
func TestUnreadableResponse_HasAnUnknownEffect(t *testing.T) {
	for name, f := range map[string]e6test.Fault{
		"a 200 without trailers":               {Action: e6test.NoTrailers},
		"a broken connection":                  {Action: e6test.BreakAfter},
		"CANCELED by the server":               {Action: e6test.AnswerAfter, Code: codes.Canceled, Message: "context canceled"},
		"DEADLINE_EXCEEDED by the server":      {Action: e6test.AnswerAfter, Code: codes.DeadlineExceeded, Message: "context deadline exceeded"},
		"Envoy's connection terminated":        {Action: e6test.AnswerAfter, Code: codes.Unavailable, Message: envoyReset + "connection termination"},
		"Envoy's timeout":                      {Action: e6test.AnswerAfter, Code: codes.Unavailable, Message: "upstream request timeout"},
		"Envoy's second attempt":               {Action: e6test.AnswerAfter, Code: codes.Unavailable, Message: strings.Replace(envoyReset, "reset reason", "retried and the latest reset reason", 1) + "connection failure"},
		"UNKNOWN without a message":            {Action: e6test.AnswerAfter, Code: codes.Unknown},
		"gRPC's text from another of its ends": {Action: e6test.AnswerAfter, Code: codes.Unavailable, Message: "the connection is draining"},
		"a page with 502":                      {Action: e6test.Page, Status: 502},
		"a page with 504":                      {Action: e6test.Page, Status: 504, Message: "<html>"},
		"a page with 200":                      {Action: e6test.Page, Status: 200, Message: "<html>"},
	} {
		for _, method := range []string{"executeStatement", "getResultMetadata", "getNextResultBatchV2"} {
			f.Method, f.Side = method, e6.Blue
			t.Run(name+", "+method, func(t *testing.T) {
				cluster := start(t)
				client := open(t, cluster, func(cfg *e6.Config) { cfg.FetchAfterMetadata = true })
				remove := cluster.Inject(f).Remove
				require.NoError(t, client.Exec(within(t, 10*time.Second), tenNumbers), "a statement that only reads is saved")
				remove()

				f := f
				f.Times = -1
				if method == "getNextResultBatchV2" {
					f.Times = 1
				}
				defer cluster.Inject(f).Remove()
				err := client.Exec(within(t, 10*time.Second), insertSeven)
				require.NotErrorIs(t, err, context.Canceled)
				require.NotErrorIs(t, err, context.DeadlineExceeded)
				var lost *e6.CutoverError
				require.ErrorAs(t, err, &lost)
				require.True(t, lost.MayHaveTakenEffect)
				require.False(t, e6.SafeToReplay(err))
				want := 1
				if f.Action == e6test.Page && method == "executeStatement" {
					want = 0 // the client cannot know
				}
				require.Equal(t, want, executions(cluster, insertSeven))
				requireIdle(t, client)
			})
		}
	}
}

// TestUnreachable_CallHadNoEffect shows that the ingress's own words are proof enough to
// start over, for any statement.
func TestUnreachable_CallHadNoEffect(t *testing.T) {
	for _, message := range []string{
		"no healthy upstream", envoyReset + "connection failure", envoyReset + "local connection failure", envoyReset + "connection timeout",
		envoyReset + "remote connection failure, transport failure reason: delayed connect error: 111", envoyReset + "overflow",
	} {
		for _, method := range []string{"prepareStatement", "executeStatement", "getResultMetadata", "getNextResultBatchV2"} {
			t.Run(message+", "+method, func(t *testing.T) {
				cluster := start(t)
				client := open(t, cluster)
				defer cluster.Inject(e6test.Fault{Method: method, Action: e6test.Answer, Code: codes.Unavailable, Message: message, Times: 2}).Remove()
				require.NoError(t, client.Exec(within(t, 10*time.Second), insertSeven))
				require.Equal(t, 1, executions(cluster, insertSeven))
				requireIdle(t, client)
			})
		}
	}
}

// TestRefusal_EveryFormMovesTheClient shows that a side that refuses in any of the
// known forms is left, for any statement and without a failure.
func TestRefusal_EveryFormMovesTheClient(t *testing.T) {
	for name, f := range map[string]e6test.Fault{
		"as gRPC's C core reports it":       {Action: e6test.Answer, Code: codes.Unknown, Message: "Received http2 header with status: 456"},
		"with words":                        {Action: e6test.Answer, Code: codes.Unknown, Message: "status: 456, wrong strategy"},
		"under another code":                {Action: e6test.Answer, Code: codes.Internal, Message: "status: 456"},
		"under UNAVAILABLE, with words":     {Action: e6test.Answer, Code: codes.Unavailable, Message: "status: 456 (wrong strategy)"},
		"as the mock server, by other code": {Action: e6test.Answer, Code: codes.FailedPrecondition, Message: "Wrong strategy. Status: 456. Strategy mismatch."},
	} {
		t.Run(name, func(t *testing.T) {
			cluster := start(t)
			client := open(t, cluster)
			require.NoError(t, client.Exec(within(t, 10*time.Second), insertSeven))
			cluster.OpenSide(e6.Green)
			f.Side, f.Times = e6.Blue, -1
			defer cluster.Inject(f).Remove()
			for range 3 {
				require.NoError(t, client.Exec(within(t, 10*time.Second), insertSeven))
			}
			require.Equal(t, 4, executions(cluster, insertSeven))
			require.Equal(t, e6.Green, client.Strategy().Active)
		})
	}
}

// TestUnknownError_ProbeMovesTheClient shows that a side which answers everything with a status
// UNKNOWN and an unknown text is left for a side that accepts.
func TestUnknownError_ProbeMovesTheClient(t *testing.T) {
	cluster := start(t)
	client := open(t, cluster)
	require.NoError(t, client.Exec(within(t, 10*time.Second), insertSeven))
	cluster.OpenSide(e6.Green)
	defer cluster.Inject(e6test.Fault{Side: e6.Blue, Times: -1, Action: e6test.Answer, Code: codes.Unknown, Message: "not the active cluster"}).Remove()
	ctx := within(t, 10*time.Second)
	for client.Exec(ctx, insertSeven) != nil {
		require.NoError(t, ctx.Err(), "the client stays on a side that answers UNKNOWN")
	}
	require.Equal(t, e6.Green, client.Strategy().Active)
}

// TestErrors_NameTheirCauseOnce shows the errors of calls, and of what wraps them.
func TestErrors_NameTheirCauseOnce(t *testing.T) {
	cluster := start(t)
	client := open(t, cluster)
	ctx := within(t, 10*time.Second)
	check := func(t *testing.T, err error) {
		t.Helper()
		require.Error(t, err)
		text := err.Error()
		require.True(t, strings.HasPrefix(text, "e6: "), text)
		require.Equal(t, 1, strings.Count(text, "e6: "), text)
		for _, cause := range []string{"456", "syntax", "502", "healthCheck"} {
			require.LessOrEqual(t, strings.Count(text, cause), 1, text)
		}
	}
	check(t, client.Rollback(ctx, "test"))
	check(t, client.Exec(ctx, "SELEC 1"))
	remove := cluster.Inject(e6test.Fault{Times: -1, Action: e6test.BadGateway, Method: "getTablesV2"}).Remove
	_, err := client.Tables(ctx, "c", "s")
	check(t, err)
	remove()
	defer cluster.Inject(e6test.Fault{Times: -1, Action: e6test.BadGateway, Method: "executeStatement"}).Remove()
	check(t, client.Exec(ctx, insertSeven))
	check(t, client.Exec(tagged(ctx, "nightly"), tenNumbers))
	_, err = client.Status(ctx, e6.QueryHandle{QueryID: "none", Side: e6.Blue})
	check(t, err)
}
