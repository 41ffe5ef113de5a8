package e6

import (
	"context"
	"iter"
	"slices"

	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/exec"
	"github.com/e6data/e6data-go/e6/vector"
)

// Result is the whole result of a query.
type Result struct {
	// Handle addresses the query that gave the result. The server has freed it.
	Handle QueryHandle
	// Fields describes the columns.
	Fields []vector.Field
	// Batches holds the rows, column by column, in their order.
	Batches []*vector.Batch
	// Truncated is set if the result has more rows than MaxRows allows.
	Truncated bool
}

// QueryAll runs a statement and returns its whole result. No row reaches the caller before
// the end, so a read-only statement that is cut off can be replayed at any point. The
// arguments and the errors are those of Query.
func (c *Client) QueryAll(ctx context.Context, sql string, args ...any) (*Result, error) {
	st, err := c.statement(ctx, sql, args)
	if err != nil {
		return nil, err
	}
	all, err := c.exec.Collect(ctx, st)
	if err != nil {
		return nil, err
	}
	return resultOf(all), nil
}

// Exec runs a statement to its end and discards its rows. The arguments and the errors are
// those of Query. The protocol has no count of affected rows.
func (c *Client) Exec(ctx context.Context, sql string, args ...any) error {
	st, err := c.statement(ctx, sql, args)
	if err != nil {
		return err
	}
	return c.exec.Run(ctx, st)
}

func resultOf(r *exec.Collected) *Result {
	return &Result{Handle: QueryHandle(r.Handle), Fields: r.Fields, Batches: r.Batches, Truncated: r.Truncated}
}

// queryTarget runs a statement of a guard on one side, once, in any state of that side.
func (c *Client) queryTarget(ctx context.Context, side Side, sql string) (*hook.Result, error) {
	st, err := c.statementInText(ctx, sql, nil)
	if err != nil {
		return nil, err
	}
	all, err := c.exec.RunOnce(ctx, side, st)
	if err != nil {
		return nil, err
	}
	r := resultOf(all)
	return &hook.Result{Columns: r.Columns(), Rows: slices.Collect(r.Rows())}, nil
}

// Columns returns the names of the columns.
func (r *Result) Columns() []string { return columnNames(r.Fields) }

// Len is the number of rows.
func (r *Result) Len() (rows int) {
	for _, b := range r.Batches {
		rows += b.Rows()
	}
	return rows
}

// Rows returns the rows as values, as vector.Column.Value returns them. Each row reuses the
// slice.
func (r *Result) Rows() iter.Seq[[]any] {
	return func(yield func([]any) bool) {
		values := make([]any, len(r.Fields))
		for _, b := range r.Batches {
			for row := range b.Rows() {
				for i := range values {
					values[i] = b.Column(i).Value(row)
				}
				if !yield(values) {
					return
				}
			}
		}
	}
}
