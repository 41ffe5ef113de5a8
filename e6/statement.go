package e6

import (
	"context"
	"errors"

	"github.com/e6data/e6data-go/e6/internal/exec"
	"github.com/e6data/e6data-go/internal/sqltext"
)

// statement is a statement that is to be executed. Its arguments are sent beside it, if the
// client has WithServerParameters.
func (c *Client) statement(ctx context.Context, sql string, args []any) (*exec.Statement, error) {
	return c.bound(ctx, sql, args, c.opts.serverParams)
}

// statementInText is a statement with its arguments in its text.
func (c *Client) statementInText(ctx context.Context, sql string, args []any) (*exec.Statement, error) {
	return c.bound(ctx, sql, args, false)
}

func (c *Client) bound(ctx context.Context, sql string, args []any, beside bool) (*exec.Statement, error) {
	b, err := c.bindArgs(ctx, sql, args, beside)
	if err != nil {
		return nil, err
	}
	st := c.withOptions(ctx)
	st.SQL, st.Parameters = sqltext.Normalize(b.SQL), b.Parameters
	if st.SQL == "" {
		return nil, errors.New("e6: the statement is empty")
	}
	if len(args) > 0 {
		st.Template = sql
	}
	return st, nil
}

// withOptions is a statement without a text, with the options of a context.
func (c *Client) withOptions(ctx context.Context) *exec.Statement {
	o := c.queryOptions(ctx)
	return &exec.Statement{
		Tag: o.tag, Labels: o.labels, Catalog: o.catalog, Schema: o.schema,
		Replay: exec.ReplayPolicy(o.replay), NoCache: o.noCache, MaxRows: o.maxRows,
		Progress: c.reportProgress(ctx, o.progress),
	}
}
