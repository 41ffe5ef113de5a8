package e6

import (
	"cmp"
	"context"
	"time"

	"github.com/e6data/e6data-go/e6/internal/exec"
)

// Catalog is one catalog of the engine.
type Catalog struct {
	Name string
	// Default is set for the catalog that applies to names without a catalog.
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
	all, err := c.exec.Catalogs(ctx, c.withOptions(ctx))
	if err != nil {
		return nil, err
	}
	catalogs := make([]Catalog, len(all))
	for i, one := range all {
		catalogs[i] = Catalog(one)
	}
	return catalogs, nil
}

// Schemas lists the schemas of a catalog. An empty name stands for Config.Catalog.
func (c *Client) Schemas(ctx context.Context, catalog string) ([]string, error) {
	return c.exec.Schemas(ctx, c.withOptions(ctx), cmp.Or(catalog, c.cfg.Catalog))
}

// Tables lists the tables of a schema. Empty names stand for Config.Catalog and
// Config.Schema.
func (c *Client) Tables(ctx context.Context, catalog, schema string) ([]string, error) {
	return c.exec.Tables(ctx, c.withOptions(ctx), cmp.Or(catalog, c.cfg.Catalog), cmp.Or(schema, c.cfg.Schema))
}

// Columns lists the columns of a table in their order. Empty names of catalog and schema
// stand for Config.Catalog and Config.Schema.
func (c *Client) Columns(ctx context.Context, catalog, schema, table string) ([]TableColumn, error) {
	all, err := c.exec.Columns(ctx, c.withOptions(ctx), cmp.Or(catalog, c.cfg.Catalog), cmp.Or(schema, c.cfg.Schema), table)
	if err != nil {
		return nil, err
	}
	columns := make([]TableColumn, len(all))
	for i, one := range all {
		columns[i] = TableColumn(one)
	}
	return columns, nil
}

// Explain returns the plan of a statement without running it.
func (c *Client) Explain(ctx context.Context, sql string, args ...any) (string, error) {
	st, err := c.statementInText(ctx, sql, args)
	if err != nil {
		return "", err
	}
	return c.exec.Explain(ctx, st)
}

// DryRun checks a statement without running it and returns the engine's answer.
// The protocol marks the call as not in use: an engine may refuse it.
func (c *Client) DryRun(ctx context.Context, sql string, args ...any) (string, error) {
	st, err := c.statementInText(ctx, sql, args)
	if err != nil {
		return "", err
	}
	return c.exec.DryRun(ctx, st)
}

// Analysis describes the execution of a query.
type Analysis struct {
	// Total, Queued and Parsing are the times that the engine measured: for the whole
	// query, in the queue, and for parsing.
	Total, Queued, Parsing time.Duration
	// Cached is set if the result came from the engine's cache.
	Cached bool
	// JSON is the engine's whole answer.
	JSON string
}

// ExplainAnalyze runs a statement to its end, discards its rows, and returns the analysis of
// its execution. The errors are those of Query.
func (c *Client) ExplainAnalyze(ctx context.Context, sql string, args ...any) (*Analysis, error) {
	st, err := c.statement(ctx, sql, args)
	if err != nil {
		return nil, err
	}
	a, err := c.exec.Analyze(ctx, st)
	return (*Analysis)(a), err
}

// Analyze returns the analysis of the execution of a query. It fails if the server no longer
// knows the query.
func (c *Client) Analyze(ctx context.Context, h QueryHandle) (*Analysis, error) {
	a, err := c.exec.AnalyzeHandle(ctx, exec.Handle(h))
	return (*Analysis)(a), err
}
