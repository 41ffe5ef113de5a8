package exec

import (
	"context"
	"encoding/json"
	"time"

	"github.com/e6data/e6data-go/e6/internal/errtext"
	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/internal/wire"
	"github.com/e6data/e6data-go/e6/vector"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// remote is a statement on the server. It is immutable. Its calls may be made concurrently.
type remote struct {
	calls
	Handle
	prepared uint64 // the generation of the session that prepared it; 0 for a session of another client
}

// at returns the statement of a handle. Its calls use any connection.
func (x *Executor) at(h Handle) (*remote, error) {
	if !h.Valid() {
		return nil, errtext.Errorf("%w", errNoHandle)
	}
	return &remote{calls: calls{x: x, side: h.Side}, Handle: h}, nil
}

func (r *remote) rpc() e6xv1.QueryEngineServiceClient { return r.engine(r.Engine) }

// execute starts the statement. The call is sent once: without a response, the statement
// counts as executed.
func (r *remote) execute(ctx context.Context, st *Statement, params []*e6xv1.ParameterValue) error {
	_, err := call(ctx, r.calls, r.prepared, func(ctx context.Context, s router.Session) (*e6xv1.ExecuteStatementResponse, error) {
		if st.Catalog == "" && len(params) == 0 {
			return r.rpc().ExecuteStatement(ctx, &e6xv1.ExecuteStatementRequest{
				EngineIP: r.Engine, SessionId: s.ID, QueryId: r.QueryID, ShouldNotCache: st.NoCache})
		}
		return r.rpc().ExecuteStatementV2(ctx, &e6xv1.ExecuteStatementV2Request{
			EngineIP: r.Engine, SessionId: s.ID, QueryId: r.QueryID, ShouldNotCache: st.NoCache, Params: params})
	})
	return err
}

// metadata waits for the result and returns its description.
func (r *remote) metadata(ctx context.Context) (*vector.Metadata, error) {
	answer, err := repeat(ctx, r.calls, r.prepared, true, func(ctx context.Context, s router.Session) (*e6xv1.GetResultMetadataResponse, error) {
		return r.rpc().GetResultMetadata(ctx, &e6xv1.GetResultMetadataRequest{EngineIP: r.Engine, SessionId: s.ID, QueryId: r.QueryID})
	})
	if err != nil {
		return nil, err
	}
	return vector.DecodeMetadata(answer.GetResultMetaData())
}

// next requests more of the result. An engine that has the newer call may answer with
// several chunks, and marks the end of the result; with the older one, the end is an answer
// without a chunk, or a chunk without rows.
//
// Both calls advance a cursor on the server. They are repeated only if they certainly did not
// advance it.
func (r *remote) next(ctx context.Context) (answer, error) {
	engine := engineKey{r.Side, r.Engine}
	if has, known := r.x.newFetch.of(engine); !known || has {
		a, err := repeat(ctx, r.calls, r.prepared, false, func(ctx context.Context, s router.Session) (*e6xv1.GetNextResultBatchV2Response, error) {
			return r.rpc().GetNextResultBatchV2(ctx, &e6xv1.GetNextResultBatchRequest{EngineIP: r.Engine, SessionId: s.ID, QueryId: r.QueryID})
		})
		if wire.Classify(err) != wire.ClassUnimplemented {
			if err == nil && !known {
				r.x.newFetch.remember(engine, true)
			}
			return answer{chunks: a.GetResultBatches(), end: a.GetEndOfStream()}, err
		}
		// The cursor has not moved: the older call continues from here.
		r.x.newFetch.remember(engine, false)
	}
	a, err := repeat(ctx, r.calls, r.prepared, false, func(ctx context.Context, s router.Session) (*e6xv1.GetNextResultBatchResponse, error) {
		return r.rpc().GetNextResultBatch(ctx, &e6xv1.GetNextResultBatchRequest{EngineIP: r.Engine, SessionId: s.ID, QueryId: r.QueryID})
	})
	if err != nil || len(a.GetResultBatch()) == 0 {
		return answer{end: true}, err
	}
	return answer{chunks: [][]byte{a.GetResultBatch()}, emptyEnds: true}, nil
}

// status returns the progress of the statement.
func (r *remote) status(ctx context.Context) (Status, error) {
	a, err := repeat(ctx, r.calls, r.prepared, true, func(ctx context.Context, s router.Session) (*e6xv1.StatusResponse, error) {
		return r.rpc().Status(ctx, &e6xv1.StatusRequest{EngineIP: r.Engine, SessionId: s.ID, QueryId: r.QueryID})
	})
	return Status{Done: a.GetStatus(), Rows: a.GetRowCount()}, err
}

// cancel stops the statement.
func (r *remote) cancel(ctx context.Context) error {
	_, err := repeat(ctx, r.calls, r.prepared, true, func(ctx context.Context, s router.Session) (*e6xv1.CancelQueryResponse, error) {
		return r.rpc().CancelQuery(ctx, &e6xv1.CancelQueryRequest{EngineIP: r.Engine, SessionId: s.ID, QueryId: r.QueryID})
	})
	return err
}

// clear frees the statement on the server. A second clear has no effect, so the call is
// repeated within ctx. It succeeds if the engine does not know the statement.
func (r *remote) clear(ctx context.Context, complete bool) error {
	for attempt := 0; ; attempt++ {
		_, err := call(ctx, r.calls, r.prepared, func(ctx context.Context, s router.Session) (*e6xv1.ClearOrCancelQueryResponse, error) {
			return r.rpc().ClearOrCancelQuery(ctx, &e6xv1.ClearOrCancelQueryRequest{
				EngineIP: r.Engine, SessionId: s.ID, QueryId: r.QueryID, IsDone: &complete})
		})
		outcome := wire.OutcomeOf(err)
		switch {
		case err == nil, outcome.Answer:
			return nil
		case outcome.RetryCall:
			if r.x.retry.Wait(ctx, attempt, nil) == nil {
				continue
			}
		}
		return err
	}
}

// explain returns the plan.
func (r *remote) explain(ctx context.Context) (string, error) {
	a, err := call(ctx, r.calls, r.prepared, func(ctx context.Context, s router.Session) (*e6xv1.ExplainResponse, error) {
		return r.rpc().Explain(ctx, &e6xv1.ExplainRequest{EngineIP: r.Engine, SessionId: s.ID, QueryId: r.QueryID})
	})
	return a.GetExplain(), err
}

// Analysis describes the execution of a statement.
type Analysis struct {
	Total, Queued, Parsing time.Duration
	Cached                 bool
	JSON                   string
}

// analyze returns the analysis of the execution.
func (r *remote) analyze(ctx context.Context) (*Analysis, error) {
	answer, err := repeat(ctx, r.calls, r.prepared, true, func(ctx context.Context, s router.Session) (*e6xv1.ExplainAnalyzeResponse, error) {
		return r.rpc().ExplainAnalyze(ctx, &e6xv1.ExplainAnalyzeRequest{EngineIP: r.Engine, SessionId: s.ID, QueryId: r.QueryID})
	})
	if err != nil {
		return nil, err
	}
	var times struct {
		Total   float64 `json:"total_query_time"`
		Queued  float64 `json:"executionQueueingTime"`
		Parsing float64 `json:"parsingTime"`
	}
	if err := json.Unmarshal([]byte(answer.GetExplainAnalyze()), &times); err != nil {
		return nil, errtext.Errorf("explain analyze of query %s: the answer is not the JSON it should be: %w", r.QueryID, err)
	}
	ms := func(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }
	return &Analysis{
		Total: ms(times.Total), Queued: ms(times.Queued), Parsing: ms(times.Parsing),
		Cached: answer.GetIsCached(), JSON: answer.GetExplainAnalyze(),
	}, nil
}
