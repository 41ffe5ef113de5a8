package e6

import (
	"context"
	"iter"
	"slices"

	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/errtext"
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
	// Truncated is set if there are more rows than MaxRows let through.
	Truncated bool
}

// QueryAll runs a statement and returns its whole result. Nothing reaches the
// caller before the end, so a statement that only reads can be saved however
// far it had come when it was cut off. The arguments and the errors are those of
// Query.
func (c *Client) QueryAll(ctx context.Context, sql string, args ...any) (*Result, error) {
	r := &collector{}
	q, err := c.newRun(ctx, sql, args)
	if err != nil {
		return nil, err
	}
	if err := q.toEnd(ctx, r); err != nil {
		return nil, err
	}
	r.Truncated = q.truncated
	return &r.Result, nil
}

// Exec runs a statement to its end and drops its rows. The arguments and the
// errors are those of Query; the protocol has no count of affected rows.
func (c *Client) Exec(ctx context.Context, sql string, args ...any) error {
	q, err := c.newRun(ctx, sql, args)
	if err != nil {
		return err
	}
	return q.toEnd(ctx, new(discard))
}

// toEnd runs the statement on the caller's goroutine.
func (q *query) toEnd(ctx context.Context, to sink) error {
	ctx, unbind := q.c.bind(ctx)
	defer unbind()
	return q.run(ctx, to)
}

// queryTarget runs a statement of a guard on one side, once, whatever the state of that
// side.
func (c *Client) queryTarget(ctx context.Context, side Side, sql string) (*hook.Result, error) {
	q, err := c.newQuery(ctx, sql, nil)
	if err != nil {
		return nil, err
	}
	ctx, unbind := c.bind(ctx)
	defer unbind()
	r := &collector{}
	q.begun, q.once = 1, true
	x := &execution{c: c, pin: c.route.PinTo(side), tag: q.opts.tag}
	err = q.attempt(ctx, x, r)
	x.release(ctx, err == nil)
	if err != nil {
		return nil, errtext.Errorf("%s%s on %s: %w", x.step, queryName(x.queryID, x.tag), side, err)
	}
	return &hook.Result{Columns: r.Result.Columns(), Rows: slices.Collect(r.Result.Rows())}, nil
}

// collector is the sink of QueryAll.
type collector struct{ Result }

var _ sink = (*collector)(nil)

func (r *collector) begin(h QueryHandle, md *vector.Metadata) error {
	r.Handle, r.Fields = h, md.Fields
	return nil
}

func (r *collector) spare() *vector.Batch { return new(vector.Batch) }

func (r *collector) take(_ context.Context, b *vector.Batch, _ part) error {
	r.Batches = append(r.Batches, b)
	return nil
}

func (*collector) held() int                       { return 0 }
func (*collector) wait(context.Context, int) error { return nil }

func (r *collector) retract() delivered {
	r.Batches = nil
	return delivered{}
}

func (r *collector) stop() int64 { return 0 }

// discard is the sink of Exec. Its rows are decoded all the same, so that a broken
// result does not look like one that is there.
type discard struct{ batch vector.Batch }

var _ sink = (*discard)(nil)

func (*discard) begin(QueryHandle, *vector.Metadata) error       { return nil }
func (d *discard) spare() *vector.Batch                          { return &d.batch }
func (*discard) take(context.Context, *vector.Batch, part) error { return nil }
func (*discard) held() int                                       { return 0 }
func (*discard) wait(context.Context, int) error                 { return nil }
func (*discard) retract() delivered                              { return delivered{} }
func (*discard) stop() int64                                     { return 0 }

// Columns returns the names of the columns.
func (r *Result) Columns() []string { return columnNames(r.Fields) }

// Len is the number of rows.
func (r *Result) Len() (rows int) {
	for _, b := range r.Batches {
		rows += b.Rows()
	}
	return rows
}

// Rows returns the rows as values, each as vector.Column.Value returns it. The
// slice is reused from row to row.
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
