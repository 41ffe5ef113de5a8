package e6

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/e6data/e6data-go/e6/internal/errtext"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// Catalog is one catalog of the engine.
type Catalog struct {
	Name string
	// Default is set for the catalog that names are resolved against when none
	// is given.
	Default bool
}

// TableColumn is one column of a table.
type TableColumn struct {
	Name string
	// Type is the engine's short name of the type, such as long, string or
	// decimal(10,2).
	Type string
}

// Catalogs lists the catalogs.
func (c *Client) Catalogs(ctx context.Context) ([]Catalog, error) {
	answer, err := onActive(ctx, c, "list catalogs", func(ctx context.Context, x *execution) (*e6xv1.GetCatalogesResponse, error) {
		answer, err := x.rpc().GetCataloges(ctx, &e6xv1.GetCatalogesRequest{})
		x.c.report(ctx, err)
		return answer, err
	})
	if err != nil {
		return nil, err
	}
	catalogs := make([]Catalog, len(answer.GetCatalogResponses()))
	for i, one := range answer.GetCatalogResponses() {
		catalogs[i] = Catalog{one.GetName(), one.GetIsDefault()}
	}
	return catalogs, nil
}

// Schemas lists the schemas of a catalog. An empty name is that of the Config.
func (c *Client) Schemas(ctx context.Context, catalog string) ([]string, error) {
	answer, err := onSession(ctx, c, "list schemas", func(ctx context.Context, x *execution, session string) (*e6xv1.GetSchemaNamesResponse, error) {
		return x.rpc().GetSchemaNamesV2(ctx, &e6xv1.GetSchemaNamesV2Request{SessionId: session, Catalog: cmp.Or(catalog, c.cfg.Catalog)})
	})
	return answer.GetSchemas(), err
}

// Tables lists the tables of a schema. Empty names are those of the Config.
func (c *Client) Tables(ctx context.Context, catalog, schema string) ([]string, error) {
	answer, err := onSession(ctx, c, "list tables", func(ctx context.Context, x *execution, session string) (*e6xv1.GetTablesResponse, error) {
		return x.rpc().GetTablesV2(ctx, &e6xv1.GetTablesV2Request{
			SessionId: session, Catalog: cmp.Or(catalog, c.cfg.Catalog), Schema: cmp.Or(schema, c.cfg.Schema)})
	})
	return answer.GetTables(), err
}

// Columns lists the columns of a table in their order. Empty names of catalog
// and schema are those of the Config.
func (c *Client) Columns(ctx context.Context, catalog, schema, table string) ([]TableColumn, error) {
	answer, err := onSession(ctx, c, "list columns", func(ctx context.Context, x *execution, session string) (*e6xv1.GetColumnsResponse, error) {
		return x.rpc().GetColumnsV2(ctx, &e6xv1.GetColumnsV2Request{
			SessionId: session, Catalog: cmp.Or(catalog, c.cfg.Catalog), Schema: cmp.Or(schema, c.cfg.Schema), Table: table})
	})
	if err != nil {
		return nil, err
	}
	columns := make([]TableColumn, len(answer.GetFieldInfo()))
	for i, f := range answer.GetFieldInfo() {
		columns[i] = TableColumn{f.GetFieldName(), f.GetFieldType()}
	}
	return columns, nil
}

// Explain returns the plan of a statement without running it.
func (c *Client) Explain(ctx context.Context, sql string, args ...any) (string, error) {
	q, err := c.newQuery(ctx, sql, args)
	if err != nil {
		return "", err
	}
	answer, err := onActive(ctx, c, "explain", func(ctx context.Context, x *execution) (*e6xv1.ExplainResponse, error) {
		if err := x.prepare(ctx, q); err != nil {
			return nil, err
		}
		return call(ctx, x, func(ctx context.Context, session string) (*e6xv1.ExplainResponse, error) {
			return x.rpc().Explain(ctx, &e6xv1.ExplainRequest{EngineIP: x.engine, SessionId: session, QueryId: x.queryID})
		})
	})
	return answer.GetExplain(), err
}

// DryRun checks a statement without running it and returns the engine's answer.
// The protocol marks the call as not in use: an engine may refuse it.
func (c *Client) DryRun(ctx context.Context, sql string, args ...any) (string, error) {
	q, err := c.newQuery(ctx, sql, args)
	if err != nil {
		return "", err
	}
	answer, err := onSession(ctx, c, "dry run", func(ctx context.Context, x *execution, session string) (withoutSession, error) {
		answer, err := x.rpc().DryRunV2(ctx, &e6xv1.DryRunRequestV2{
			SessionId: session, Schema: q.opts.schema, Catalog: q.opts.catalog, QueryString: q.sql})
		return withoutSession{answer}, err
	})
	return answer.GetDryrunValue(), err
}

// withoutSession is the one answer to a session's call that carries no session.
type withoutSession struct{ *e6xv1.DryRunResponse }

func (withoutSession) GetSessionId() string { return "" }

// Analysis is how a query was run.
type Analysis struct {
	// Total, Queued and Parsing are the engine's times for the whole query, in
	// its queue, and for the text.
	Total, Queued, Parsing time.Duration
	// Cached is set if the result came from the engine's cache.
	Cached bool
	// JSON is the engine's whole answer.
	JSON string
}

// ExplainAnalyze runs a statement to its end, drops its rows, and returns how it
// was run. The errors are those of Query.
func (c *Client) ExplainAnalyze(ctx context.Context, sql string, args ...any) (*Analysis, error) {
	q, err := c.newRun(ctx, sql, args)
	if err != nil {
		return nil, err
	}
	ctx, unbind := c.bind(ctx)
	defer unbind()
	var analysis *Analysis
	q.then = func(ctx context.Context, x *execution) (err error) {
		analysis, err = x.analyze(ctx)
		return err
	}
	if err := q.run(ctx, new(discard)); err != nil {
		return nil, err
	}
	return analysis, nil
}

// Analyze returns how a query was run that is still known to the server.
func (c *Client) Analyze(ctx context.Context, h QueryHandle) (*Analysis, error) {
	return onHandle(ctx, c, "explain analyze", h, func(ctx context.Context, x *execution) (*Analysis, error) { return x.analyze(ctx) })
}

func (x *execution) analyze(ctx context.Context) (*Analysis, error) {
	answer, err := repeat(ctx, x, true, func(ctx context.Context, session string) (*e6xv1.ExplainAnalyzeResponse, error) {
		return x.rpc().ExplainAnalyze(ctx, &e6xv1.ExplainAnalyzeRequest{EngineIP: x.engine, SessionId: session, QueryId: x.queryID})
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
		return nil, errtext.Errorf("explain analyze of query %s: the answer is not the JSON it should be: %w", x.queryID, err)
	}
	ms := func(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }
	return &Analysis{
		Total: ms(times.Total), Queued: ms(times.Queued), Parsing: ms(times.Parsing),
		Cached: answer.GetIsCached(), JSON: answer.GetExplainAnalyze(),
	}, nil
}

// QueryStatus is how far a query is.
type QueryStatus struct {
	// Done is set when the result is complete.
	Done bool
	// Rows is the number of rows so far.
	Rows int64
}

// Status asks how far a query is that is still known to the server.
func (c *Client) Status(ctx context.Context, h QueryHandle) (QueryStatus, error) {
	answer, err := onHandle(ctx, c, "status", h, func(ctx context.Context, x *execution) (*e6xv1.StatusResponse, error) {
		return x.status(ctx)
	})
	return QueryStatus{Done: answer.GetStatus(), Rows: answer.GetRowCount()}, err
}

func (x *execution) status(ctx context.Context) (*e6xv1.StatusResponse, error) {
	return repeat(ctx, x, true, func(ctx context.Context, session string) (*e6xv1.StatusResponse, error) {
		return x.rpc().Status(ctx, &e6xv1.StatusRequest{EngineIP: x.engine, SessionId: session, QueryId: x.queryID})
	})
}

// Cancel stops a query on the server. Whoever reads its result gets the
// engine's error. One that this client has submitted, and that nobody reads, is
// also freed.
func (c *Client) Cancel(ctx context.Context, h QueryHandle) error {
	_, err := onHandle(ctx, c, "cancel", h, func(ctx context.Context, x *execution) (*e6xv1.CancelQueryResponse, error) {
		return repeat(ctx, x, true, func(ctx context.Context, session string) (*e6xv1.CancelQueryResponse, error) {
			return x.rpc().CancelQuery(ctx, &e6xv1.CancelQueryRequest{EngineIP: x.engine, SessionId: session, QueryId: x.queryID})
		})
	})
	c.free(ctx, h, err)
	return err
}

// onHandle does something about a query that is addressed by its handle, on the
// side where it runs.
func onHandle[R any](ctx context.Context, c *Client, op string, h QueryHandle, do func(context.Context, *execution) (R, error)) (R, error) {
	var none R
	x, err := c.at(h)
	if err != nil {
		return none, err
	}
	ctx, unbind := c.bind(ctx)
	defer unbind()
	answer, err := do(ctx, x)
	switch {
	case err == nil:
		return answer, nil
	case c.ctx.Err() != nil:
		return none, ErrClosed
	}
	return none, withOperation(fmt.Sprintf("%s%s on %s", op, queryName(h.QueryID, ""), h.Side), err)
}

// onSession makes one harmless call with the session of the active side.
func onSession[R sessionCarrier](ctx context.Context, c *Client, op string, send func(context.Context, *execution, string) (R, error)) (R, error) {
	return onActive(ctx, c, op, func(ctx context.Context, x *execution) (R, error) {
		return call(ctx, x, func(ctx context.Context, session string) (R, error) { return send(ctx, x, session) })
	})
}

// onActive does something harmless on the active side. It is done again, within
// the limits of a query, when the side refuses or does not answer.
func onActive[R any](ctx context.Context, c *Client, op string, do func(context.Context, *execution) (R, error)) (R, error) {
	ctx, unbind := c.bind(ctx)
	defer unbind()
	q := &query{c: c, ctx: ctx, op: op, opts: c.queryOptions(ctx)}
	var none R
	var x *execution
	for {
		var err error
		if x, err = q.start(ctx, x); err != nil {
			return none, errtext.Errorf("%s: %w", op, err)
		}
		answer := none
		err = x.unlessLeft(ctx, func(ctx context.Context) (err error) {
			answer, err = do(ctx, x)
			return err
		})
		if err == nil {
			x.release(ctx, true)
			return answer, nil
		}
		x.step = stepPrepare // whatever was called, it had no effect that matters
		if err := q.decide(ctx, x, new(discard), err); err != nil {
			c.countCut(err)
			x.release(ctx, false)
			return none, err
		}
	}
}
