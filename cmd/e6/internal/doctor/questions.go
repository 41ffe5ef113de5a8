package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/apache/thrift/lib/go/thrift"

	"github.com/e6data/e6data-go/e6/vector"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
	"github.com/e6data/e6data-go/proto/thrift/chunk"
)

// question is a question about a cluster's behaviour, and the test that answers it.
type question struct {
	text string
	test func(ctx context.Context, p *prober) string
}

// sideQuestions are those that have been answered by finding the active side.
func sideQuestions(answers map[string]sideAnswer) []question {
	var list []question
	for _, side := range sideNames {
		a := answers[side]
		list = append(list, question{"How does " + side + " respond to authenticate?", func(context.Context, *prober) string {
			text := string(a.outcome)
			if a.form != "" {
				text += ": " + a.form
			}
			if a.announced != "" {
				text += "; new_strategy is " + a.announced
			}
			return text
		}})
	}
	return append(list, question{"How does a side respond to a session of the other one?", func(ctx context.Context, p *prober) string {
		other := sideNames[0]
		if p.side == other {
			other = sideNames[1]
		}
		if o := answers[other].outcome; o != accepts {
			return "cannot be tested: " + other + " " + string(o)
		}
		to := p.c.to(other, "")
		answer, err := to.PrepareStatement(ctx, &e6xv1.PrepareStatementRequest{SessionId: p.session, Schema: p.schema, QueryString: "SELECT 1"})
		if err != nil {
			return "refused: " + raw(err)
		}
		p.keep(answer.GetQueryId(), answer.GetEngineIP(), answer.GetSessionId())
		_, _ = p.c.to(other, answer.GetEngineIP()).ClearOrCancelQuery(ctx, &e6xv1.ClearOrCancelQueryRequest{
			EngineIP: answer.GetEngineIP(), SessionId: p.session, QueryId: answer.GetQueryId()})
		return "taken: the statement was prepared"
	}})
}

// questions are the others, in their order.
var questions = []question{
	{"How does the ingress respond to a call without a strategy header?", func(ctx context.Context, p *prober) string {
		answer, err := p.c.to("", "").PrepareStatement(ctx, &e6xv1.PrepareStatementRequest{SessionId: p.session, Schema: p.schema, QueryString: "SELECT 1"})
		if err != nil {
			return "refuses: " + raw(err)
		}
		p.keep(answer.GetQueryId(), answer.GetEngineIP(), answer.GetSessionId())
		_, _ = p.c.to(p.side, answer.GetEngineIP()).ClearOrCancelQuery(ctx, &e6xv1.ClearOrCancelQueryRequest{
			EngineIP: answer.GetEngineIP(), SessionId: p.session, QueryId: answer.GetQueryId()})
		return "accepts: " + p.side + " has prepared the statement"
	}},
	{"What is the error of a session that is not known?", func(ctx context.Context, p *prober) string {
		_, err := p.PrepareStatement(ctx, &e6xv1.PrepareStatementRequest{SessionId: "none", Schema: p.schema, QueryString: "SELECT 1"})
		return outcomeOf(err, "none: the statement was prepared")
	}},
	{"Does healthCheck answer?", func(ctx context.Context, p *prober) string {
		_, err := p.HealthCheck(ctx, &e6xv1.HealthCheckRequest{})
		return outcomeOf(err, "yes")
	}},
	{"Does identifyPlanner answer, and what?", func(ctx context.Context, p *prober) string {
		answer, err := p.IdentifyPlanner(ctx, &e6xv1.IdentifyPlannerRequest{SessionId: p.session, FirstTimeRequestPayload: &e6xv1.IdentifyPlannerRequest_FirstTimeRequestPayload{
			Catalog: p.catalog, Schema: p.schema, QueryString: "SELECT 1"}})
		p.keep(answer.GetPlannerIp(), answer.GetExistingQuery().GetQueryId(), answer.GetSessionId())
		return outcomeOf(err, fmt.Sprintf("%s; names a planner: %t", answer.GetQueueMessage(), answer.GetPlannerIp() != ""))
	}},
	{"Do answers echo the session?", func(ctx context.Context, p *prober) string {
		answer, err := p.GetSchemaNamesV2(ctx, &e6xv1.GetSchemaNamesV2Request{SessionId: p.session, Catalog: p.catalog})
		switch got := answer.GetSessionId(); {
		case err != nil:
			return raw(err)
		case got == p.session:
			return "yes"
		case got == "":
			return "no"
		default:
			p.keep(got)
			return "they give another one"
		}
	}},
	{"Is a semicolon behind a statement taken?", row("SELECT 1;")},
	{"How is a quote in a literal written: doubled?", row(`SELECT 'it''s'`)},
	{"Or with a backslash?", row(`SELECT 'it\'s'`)},
	{`What is 'a\\b', and what 'a\tb'?`, row(`SELECT 'a\\b', 'a\tb'`)},
	{"Are identifiers quoted with double quotes?", row(`SELECT 1 AS "a b"`)},
	{"Do comments begin with --?", row("SELECT 1 -- , 2\n, 3")},
	{"With //?", row("SELECT 1 // , 2\n, 3")},
	{"Does a comment end with a carriage return?", row("SELECT 1 -- , 2\r, 3")},
	{"Do comments nest?", row("SELECT 1 /* /* */ , 2 */ , 3")},
	{"Are there literals in dollar quotes?", row("SELECT $$a$$")},
	{"Which types do literals have?", row("SELECT 1, 9999999999, 1.5, 1E0, 'x', TRUE, NULL, DATE '2026-01-02', TIMESTAMP '2026-01-02 03:04:05.678901'")},
	{"Which types do casts have?", row("SELECT CAST(1 AS INT), CAST(1 AS DECIMAL(38,2)), CAST(1 AS FLOAT), CAST(1 AS DOUBLE), CAST('x' AS CHAR(3)), CAST('2026-01-02 03:04:05' AS TIMESTAMP WITH TIME ZONE)")},
	{"Is X'00FF' a binary literal?", row("SELECT X'00FF'")},
	{"What is NaN?", row("SELECT CAST('NaN' AS DOUBLE), CAST('Infinity' AS DOUBLE)")},
	{"Is nullSet sent for a column without nulls?", testNullSet},
	{"Is the metadata's row count correct?", testRowCount},
	{"May metadata and the first batch be fetched at once?", testConcurrentFetch},
	{"Does getNextResultBatchV2 answer?", testNewFetch},
	{"What does getDynamicParams return for two placeholders?", testParams},
	{"Are server-side parameters taken, counted from 1?", testValues(1)},
	{"Counted from 0?", testValues(0)},
	{"Does status answer for a query that has begun?", func(ctx context.Context, p *prober) string {
		return p.run(ctx, "SELECT 1", func(s *statement) string {
			answer, err := s.engine.QueryEngineServiceClient.Status(ctx, &e6xv1.StatusRequest{EngineIP: s.planner, SessionId: p.session, QueryId: s.id})
			return outcomeOf(err, fmt.Sprintf("done %t, %d rows", answer.GetStatus(), answer.GetRowCount()))
		})
	}},
	{"Does explain answer?", func(ctx context.Context, p *prober) string {
		s, err := p.prepare(ctx, "SELECT 1")
		if err != nil {
			return raw(err)
		}
		defer func() { _ = s.clear(ctx) }()
		answer, err := s.engine.Explain(ctx, &e6xv1.ExplainRequest{EngineIP: s.planner, SessionId: p.session, QueryId: s.id})
		return outcomeOf(err, fmt.Sprintf("yes, %d bytes", len(answer.GetExplain())))
	}},
	{"Which keys has explainAnalyze?", testAnalysis},
	{"Does dryRunV2 answer?", func(ctx context.Context, p *prober) string {
		answer, err := p.DryRunV2(ctx, &e6xv1.DryRunRequestV2{SessionId: p.session, Catalog: p.catalog, Schema: p.schema, QueryString: "SELECT 1"})
		return outcomeOf(err, fmt.Sprintf("yes, %d bytes", len(answer.GetDryrunValue())))
	}},
	{"What is the response to clearing a query twice?", func(ctx context.Context, p *prober) string {
		s, err := p.prepare(ctx, "SELECT 1")
		if err != nil {
			return raw(err)
		}
		if err := s.clear(ctx); err != nil {
			return "the first time: " + raw(err)
		}
		return outcomeOf(s.clear(ctx), "success")
	}},
	{"What is the response to fetching an unknown query?", func(ctx context.Context, p *prober) string {
		s, err := p.prepare(ctx, "SELECT 1")
		if err != nil {
			return raw(err)
		}
		_ = s.clear(ctx)
		_, err = s.fetch(ctx)
		return outcomeOf(err, "an empty batch")
	}},
	{"What is the error of a wrong statement?", func(ctx context.Context, p *prober) string {
		s, err := p.prepare(ctx, "SELEC 1")
		if err == nil {
			defer func() { _ = s.clear(ctx) }()
			err = s.execute(ctx)
		}
		return outcomeOf(err, "none")
	}},
}

// outcomeOf is an answer, or the error in its place.
func outcomeOf(err error, answer string) string {
	if err != nil {
		return raw(err)
	}
	return answer
}

// row returns the first row of a statement.
func row(sql string) func(context.Context, *prober) string {
	return func(ctx context.Context, p *prober) string { return p.row(ctx, sql) }
}

func testNullSet(ctx context.Context, p *prober) string {
	return p.run(ctx, "SELECT 1", func(s *statement) string {
		text, err := s.fetch(ctx)
		if err != nil {
			return raw(err)
		}
		var c chunk.Chunk
		buffer := thrift.NewTMemoryBufferLen(len(text))
		_, _ = buffer.Write(text)
		if err := c.Read(ctx, thrift.NewTBinaryProtocolConf(buffer, nil)); err != nil {
			return err.Error()
		}
		var list []string
		for _, v := range c.Vectors {
			list = append(list, fmt.Sprintf("%d flags for %d rows, constant %t", len(v.NullSet), v.Size, v.IsConstantVector))
		}
		return strings.Join(list, "; ")
	})
}

func testRowCount(ctx context.Context, p *prober) string {
	const sql = "SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3"
	return p.run(ctx, sql, func(s *statement) string {
		answer, err := s.engine.GetResultMetadata(ctx, &e6xv1.GetResultMetadataRequest{EngineIP: s.planner, SessionId: p.session, QueryId: s.id})
		if err != nil {
			return raw(err)
		}
		meta, err := vector.DecodeMetadata(answer.GetResultMetaData())
		if err != nil {
			return err.Error()
		}
		rows, batches := 0, 0
		for {
			text, err := s.fetch(ctx)
			if err != nil {
				return raw(err)
			}
			batch, err := vector.Decode(text, nil)
			if len(text) == 0 || err == nil && batch.Rows() == 0 {
				return fmt.Sprintf("row count %d; %d rows in %d batches; the result ends with a batch of %d bytes", meta.Rows, rows, batches, len(text))
			}
			if err != nil {
				return err.Error()
			}
			rows, batches = rows+batch.Rows(), batches+1
		}
	})
}

func testConcurrentFetch(ctx context.Context, p *prober) string {
	return p.run(ctx, "SELECT 1", func(s *statement) string {
		var metadata, fetch error
		var wg sync.WaitGroup
		wg.Go(func() {
			_, metadata = p.c.to(p.side, s.planner).GetResultMetadata(ctx, &e6xv1.GetResultMetadataRequest{EngineIP: s.planner, SessionId: p.session, QueryId: s.id})
		})
		wg.Go(func() { _, fetch = s.fetch(ctx) })
		wg.Wait()
		if metadata != nil || fetch != nil {
			return fmt.Sprintf("metadata: %s; batch: %s", outcomeOf(metadata, "ok"), outcomeOf(fetch, "ok"))
		}
		return "yes"
	})
}

func testNewFetch(ctx context.Context, p *prober) string {
	return p.run(ctx, "SELECT 1", func(s *statement) string {
		answers, empty := 0, 0
		for {
			answer, err := s.engine.GetNextResultBatchV2(ctx, &e6xv1.GetNextResultBatchRequest{EngineIP: s.planner, SessionId: p.session, QueryId: s.id})
			if err != nil {
				return raw(err)
			}
			answers++
			if len(answer.GetResultBatches()) == 0 {
				empty++
			}
			if answer.GetEndOfStream() {
				return fmt.Sprintf("yes; the result ended with answer %d, %d of them empty", answers, empty)
			}
			select {
			case <-ctx.Done():
				return fmt.Sprintf("yes; no end in %d answers", answers)
			case <-time.After(10 * time.Millisecond):
			}
		}
	})
}

func testParams(ctx context.Context, p *prober) string {
	s, err := p.prepare(ctx, "SELECT ?, ?")
	if err != nil {
		return "prepare: " + raw(err)
	}
	defer func() { _ = s.clear(ctx) }()
	answer, err := s.engine.GetDynamicParams(ctx, &e6xv1.GetDynamicParamsRequest{EngineIP: s.planner, SessionId: p.session, QueryId: s.id})
	var list []string
	for _, v := range answer.GetParams() {
		list = append(list, fmt.Sprintf("index %d, type %q, value %q", v.GetIndex(), v.GetType(), v.GetValue()))
	}
	return outcomeOf(err, fmt.Sprintf("%d: %s", len(list), strings.Join(list, "; ")))
}

func testValues(first int32) func(context.Context, *prober) string {
	return func(ctx context.Context, p *prober) string {
		return p.row(ctx, "SELECT ?, ?", &e6xv1.ParameterValue{Index: first, Type: "LONG", Value: "7"},
			&e6xv1.ParameterValue{Index: first + 1, Type: "STRING", Value: "it's"})
	}
}

func testAnalysis(ctx context.Context, p *prober) string {
	return p.run(ctx, "SELECT 1", func(s *statement) string {
		if _, err := s.fetch(ctx); err != nil {
			return raw(err)
		}
		answer, err := s.engine.ExplainAnalyze(ctx, &e6xv1.ExplainAnalyzeRequest{EngineIP: s.planner, SessionId: p.session, QueryId: s.id})
		if err != nil {
			return raw(err)
		}
		var keys map[string]any
		if json.Unmarshal([]byte(answer.GetExplainAnalyze()), &keys) != nil {
			return fmt.Sprintf("it is no JSON object, but %d bytes", len(answer.GetExplainAnalyze()))
		}
		return strings.Join(slices.Sorted(maps.Keys(keys)), ", ")
	})
}
