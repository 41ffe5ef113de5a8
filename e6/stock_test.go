package e6_test

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"sync/atomic"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/vector"
)

// stock is the statement that an engine of runs answers.
const stock = "SELECT id, name FROM stock"

// item is a row of it. A nil name is a null.
type item struct {
	id   int64
	name *string
}

func items(n int) []item {
	all := make([]item, n)
	for i := range all {
		if all[i].id = int64(i); i%7 != 3 {
			name := fmt.Sprintf("item %d", i)
			all[i].name = &name
		}
	}
	return all
}

// changed is the items with one changed.
func changed(all []item, i int, change func(*item)) []item {
	all = slices.Clone(all)
	change(&all[i])
	return all
}

// table is the result of one run.
type table struct {
	items []item
	kind  vector.Type // of the ids on the wire; LONG if it is not set
	field vector.Type // as the metadata declares it; LONG if it is not set
}

// runs is an engine whose statement has another result in each run. The last one repeats.
type runs struct {
	e6test.Engine
	tables []table
	uneven bool // the batches of each run have another number of rows
	n      atomic.Int64
}

func newRuns(tables ...table) *runs { return &runs{Engine: e6test.NewCannedEngine(), tables: tables} }

func (e *runs) Prepare(ctx context.Context, s e6test.Statement) (e6test.Prepared, error) {
	if s.SQL == stock {
		return &stockRun{e}, nil
	}
	return e.Engine.Prepare(ctx, s)
}

type stockRun struct{ e *runs }

func (*stockRun) Explain(context.Context) (string, error) { return "", nil }
func (*stockRun) Close() error                            { return nil }

func (r *stockRun) Execute(context.Context) (e6test.Result, error) {
	n := int(r.e.n.Add(1))
	result := &stockResult{table: r.e.tables[min(n, len(r.e.tables))-1]}
	if r.e.uneven {
		result.less = n % 3 * 2
	}
	return result, nil
}

type stockResult struct {
	table
	less int // rows of a batch than there may be
	at   int
}

func (r *stockResult) Fields() []vector.Field {
	field := cmp.Or(r.field, vector.Long)
	return []vector.Field{{Name: "id", Type: field}, {Name: "name", Type: vector.String}}
}

func (r *stockResult) RowCount() int64 { return int64(len(r.items)) }
func (r *stockResult) Close() error    { return nil }

func (r *stockResult) Next(_ context.Context, most int) (*e6test.Batch, error) {
	if r.at == len(r.items) {
		return nil, io.EOF
	}
	some := r.items[r.at:min(r.at+most-r.less, len(r.items))]
	r.at += len(some)
	kind := cmp.Or(r.kind, vector.Long)
	ids, names := e6test.Column{Type: kind}, e6test.Column{Type: vector.String}
	for _, it := range some {
		ids.Ints = append(ids.Ints, it.id)
		names.Nulls = append(names.Nulls, it.name == nil)
		if it.name == nil {
			names.Strings = append(names.Strings, "noise")
		} else {
			names.Strings = append(names.Strings, *it.name)
		}
	}
	return &e6test.Batch{Rows: len(some), Columns: []e6test.Column{ids, names}}, nil
}

// readItems reads at most that many rows, row by row.
func readItems(t require.TestingT, rows *e6.Rows, most int) (got []item) {
	for len(got) < most && rows.Next() {
		var it item
		require.NoError(t, rows.Scan(&it.id, &it.name))
		got = append(got, it)
	}
	return got
}

// readBatches reads at least that many rows, batch by batch.
func readBatches(t require.TestingT, rows *e6.Rows, least int) (got []item) {
	for b, err := range rows.Batches() {
		if err != nil {
			break
		}
		for i := range b.Rows() {
			it := item{id: b.Column(0).Int64(i)}
			if !b.Column(1).IsNull(i) {
				name := b.Column(1).Str(i)
				it.name = &name
			}
			got = append(got, it)
		}
		if len(got) >= least {
			break
		}
	}
	return got
}

// fetches are the two fetch calls.
var fetches = map[string]bool{"getNextResultBatchV2": true, "getNextResultBatch": false}
