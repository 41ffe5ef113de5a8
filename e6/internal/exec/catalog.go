package exec

import (
	"context"

	"github.com/e6data/e6data-go/e6/internal/errtext"
	"github.com/e6data/e6data-go/e6/internal/router"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// Catalog is one catalog of the engine.
type Catalog struct {
	Name    string
	Default bool // it applies to names without a catalog
}

// Column is one column of a table.
type Column struct{ Name, Type string }

// Catalogs lists the catalogs. It uses the tag and the policy of st, as do the calls below.
func (x *Executor) Catalogs(ctx context.Context, st *Statement) ([]Catalog, error) {
	answer, err := onActive(ctx, x, "list catalogs", st, func(ctx context.Context, a *attempt) (*e6xv1.GetCatalogesResponse, error) {
		answer, err := a.calls().engine("").GetCataloges(ctx, &e6xv1.GetCatalogesRequest{})
		x.conclude(ctx, err)
		return answer, err
	})
	if err != nil {
		return nil, err
	}
	catalogs := make([]Catalog, len(answer.GetCatalogResponses()))
	for i, c := range answer.GetCatalogResponses() {
		catalogs[i] = Catalog{c.GetName(), c.GetIsDefault()}
	}
	return catalogs, nil
}

// Schemas lists the schemas of a catalog.
func (x *Executor) Schemas(ctx context.Context, st *Statement, catalog string) ([]string, error) {
	answer, err := inSession(ctx, x, "list schemas", st, func(ctx context.Context, e e6xv1.QueryEngineServiceClient, session string) (*e6xv1.GetSchemaNamesResponse, error) {
		return e.GetSchemaNamesV2(ctx, &e6xv1.GetSchemaNamesV2Request{SessionId: session, Catalog: catalog})
	})
	return answer.GetSchemas(), err
}

// Tables lists the tables of a schema.
func (x *Executor) Tables(ctx context.Context, st *Statement, catalog, schema string) ([]string, error) {
	answer, err := inSession(ctx, x, "list tables", st, func(ctx context.Context, e e6xv1.QueryEngineServiceClient, session string) (*e6xv1.GetTablesResponse, error) {
		return e.GetTablesV2(ctx, &e6xv1.GetTablesV2Request{SessionId: session, Catalog: catalog, Schema: schema})
	})
	return answer.GetTables(), err
}

// Columns lists the columns of a table in their order.
func (x *Executor) Columns(ctx context.Context, st *Statement, catalog, schema, table string) ([]Column, error) {
	answer, err := inSession(ctx, x, "list columns", st, func(ctx context.Context, e e6xv1.QueryEngineServiceClient, session string) (*e6xv1.GetColumnsResponse, error) {
		return e.GetColumnsV2(ctx, &e6xv1.GetColumnsV2Request{SessionId: session, Catalog: catalog, Schema: schema, Table: table})
	})
	if err != nil {
		return nil, err
	}
	columns := make([]Column, len(answer.GetFieldInfo()))
	for i, f := range answer.GetFieldInfo() {
		columns[i] = Column{f.GetFieldName(), f.GetFieldType()}
	}
	return columns, nil
}

// Explain returns the plan of a statement. The statement is prepared, and not executed.
func (x *Executor) Explain(ctx context.Context, st *Statement) (string, error) {
	return onActive(ctx, x, "explain", st, func(ctx context.Context, a *attempt) (string, error) {
		if err := a.prepare(ctx); err != nil {
			return "", err
		}
		return a.remote.explain(ctx)
	})
}

// DryRun checks a statement, and returns the engine's answer. The statement is not executed.
func (x *Executor) DryRun(ctx context.Context, st *Statement) (string, error) {
	answer, err := inSession(ctx, x, "dry run", st, func(ctx context.Context, e e6xv1.QueryEngineServiceClient, session string) (withoutSession, error) {
		answer, err := e.DryRunV2(ctx, &e6xv1.DryRunRequestV2{SessionId: session, Schema: st.Schema, Catalog: st.Catalog, QueryString: st.SQL})
		return withoutSession{answer}, err
	})
	return answer.GetDryrunValue(), err
}

// withoutSession is the only response to a call with a session that has none.
type withoutSession struct{ *e6xv1.DryRunResponse }

// GetSessionId implements sessionCarrier.
func (withoutSession) GetSessionId() string { return "" }

// Status is the progress of a statement.
type Status struct {
	Done bool  // the result is complete
	Rows int64 // so far
}

// Status returns the status of a statement that the server knows.
func (x *Executor) Status(ctx context.Context, h Handle) (Status, error) {
	return onHandle(ctx, x, "status", h, func(ctx context.Context, r *remote) (Status, error) { return r.status(ctx) })
}

// AnalyzeHandle returns the analysis of the execution of a statement that the server knows.
func (x *Executor) AnalyzeHandle(ctx context.Context, h Handle) (*Analysis, error) {
	return onHandle(ctx, x, "explain analyze", h, func(ctx context.Context, r *remote) (*Analysis, error) { return r.analyze(ctx) })
}

// onHandle makes a call about the statement of a handle, on its side.
func onHandle[R any](ctx context.Context, x *Executor, op string, h Handle, do func(context.Context, *remote) (R, error)) (R, error) {
	var none R
	r, err := x.at(h)
	if err != nil {
		return none, err
	}
	ctx, unbind := x.bind(ctx)
	defer unbind()
	answer, err := do(ctx, r)
	switch {
	case err == nil:
		return answer, nil
	case x.ctx.Err() != nil:
		return none, ErrClosed
	}
	return none, withOperation(op+QueryName(h.QueryID, "")+" on "+h.Side.String(), err)
}

// inSession makes one harmless call with the session of the active side. See onActive.
func inSession[R sessionCarrier](ctx context.Context, x *Executor, op string, st *Statement, send func(context.Context, e6xv1.QueryEngineServiceClient, string) (R, error)) (R, error) {
	return onActive(ctx, x, op, st, func(ctx context.Context, a *attempt) (R, error) {
		made := a.calls()
		return call(ctx, made, 0, func(ctx context.Context, s router.Session) (R, error) { return send(ctx, made.engine(""), s.ID) })
	})
}

// onActive makes harmless calls on the active side. They are repeated, within the limits of
// a statement, when the side refuses or does not respond.
func onActive[R any](ctx context.Context, x *Executor, op string, st *Statement, do func(context.Context, *attempt) (R, error)) (R, error) {
	ctx, unbind := x.bind(ctx)
	defer unbind()
	r := x.newRepeater(ctx, st)
	r.op, r.progress = op, nil
	var none R
	var a *attempt
	for {
		var err error
		if a, err = r.next(ctx, a, 1); err != nil {
			return none, errtext.Errorf("%s: %w", op, err)
		}
		answer := none
		err = a.whileOnSide(ctx, func(ctx context.Context) (err error) {
			answer, err = do(ctx, a)
			return err
		})
		if err == nil {
			a.release(ctx, true)
			return answer, nil
		}
		if err := r.afterFailure(ctx, a, err); err != nil {
			x.countCut(err)
			a.release(ctx, false)
			return none, err
		}
	}
}
