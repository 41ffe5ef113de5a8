package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/vector"
)

// engine is a SQL engine whose rows hold which query they answer, and from which execution
// their data is. It knows:
//
//	SELECT q FROM reads(n)           n rows: (0, q, row number, text), the same in each execution
//	SELECT q FROM changes(n)         n rows: (execution, q, row number, text): the data changes all the time
//	SELECT q FROM slow(ms)           one such row, after that time
//	INSERT INTO writes VALUES (q)    counts: see written
//
// It has no catalog.
type engine struct {
	executions atomic.Int64
	again      atomic.Int32 // how often more a write counts: an engine to test the tests with

	mu     sync.Mutex
	writes map[int64]int
}

func newEngine() *engine { return &engine{writes: make(map[int64]int)} }

// written is how often the write of query q was executed.
func (e *engine) written(q int64) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.writes[q]
}

// all is how often each write was executed.
func (e *engine) all() map[int64]int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return maps.Clone(e.writes)
}

// The statements.
const (
	readSQL    = "SELECT %d FROM reads(%d)"
	changesSQL = "SELECT %d FROM changes(%d)"
	slowSQL    = "SELECT %d FROM slow(%d)"
	writeSQL   = "INSERT INTO writes VALUES (%d)"
)

// markedText is the text of a row.
func markedText(q, row int64) string {
	return "query " + strconv.FormatInt(q, 10) + " row " + strconv.FormatInt(row, 10)
}

// Prepare implements e6test.Engine.
func (e *engine) Prepare(_ context.Context, s e6test.Statement) (e6test.Prepared, error) {
	p := &prepared{engine: e}
	for format, kind := range map[string]byte{readSQL: 'r', changesSQL: 'c', slowSQL: 's'} {
		if n, _ := fmt.Sscanf(s.SQL, format, &p.q, &p.n); n == 2 {
			p.kind = kind
			return p, nil
		}
	}
	if n, _ := fmt.Sscanf(s.SQL, writeSQL, &p.q); n == 1 {
		p.kind = 'w'
		return p, nil
	}
	return nil, fmt.Errorf("no such statement: %s", s.SQL)
}

var errNoCatalog = errors.New("this engine has no catalog")

// Catalogs implements e6test.Engine.
func (*engine) Catalogs(context.Context) ([]e6test.Catalog, error) { return nil, errNoCatalog }

// Schemas implements e6test.Engine.
func (*engine) Schemas(context.Context, string) ([]string, error) { return nil, errNoCatalog }

// Tables implements e6test.Engine.
func (*engine) Tables(context.Context, string, string) ([]string, error) { return nil, errNoCatalog }

// Columns implements e6test.Engine.
func (*engine) Columns(context.Context, string, string, string) ([]e6test.TableColumn, error) {
	return nil, errNoCatalog
}

// DryRun implements e6test.Engine.
func (*engine) DryRun(context.Context, e6test.Statement) (string, error) { return "", errNoCatalog }

// prepared is a statement of the engine.
type prepared struct {
	engine *engine
	kind   byte // r, c, s or w
	q, n   int64
}

// Execute implements e6test.Prepared.
func (p *prepared) Execute(ctx context.Context) (e6test.Result, error) {
	r := &result{execution: p.engine.executions.Add(1), q: p.q, rows: p.n}
	switch p.kind {
	case 'r':
		r.execution = 0 // a result that is cut off can be continued by another execution
	case 's':
		r.rows = 1
		pause := time.NewTimer(time.Duration(p.n) * time.Millisecond)
		defer pause.Stop()
		select {
		case <-pause.C:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	case 'w':
		r.rows = 1
		p.engine.mu.Lock()
		p.engine.writes[p.q] += 1 + int(p.engine.again.Load())
		p.engine.mu.Unlock()
	}
	return r, nil
}

// Explain implements e6test.Prepared.
func (*prepared) Explain(context.Context) (string, error) { return "", errors.New("there is no plan") }

// Close implements e6test.Prepared.
func (*prepared) Close() error { return nil }

// result is what an execution gives. Its execution is 0 if its data is the same in all.
type result struct {
	execution, q, rows, next int64
}

var markedFields = []vector.Field{
	{Name: "execution", Type: vector.Long}, {Name: "query", Type: vector.Long}, {Name: "row", Type: vector.Long}, {Name: "text", Type: vector.String},
}

// Fields implements e6test.Result.
func (*result) Fields() []vector.Field { return markedFields }

// RowCount implements e6test.Result.
func (r *result) RowCount() int64 { return r.rows }

// Close implements e6test.Result.
func (*result) Close() error { return nil }

// Next implements e6test.Result.
func (r *result) Next(_ context.Context, maxRows int) (*e6test.Batch, error) {
	n := int(min(int64(maxRows), r.rows-r.next))
	if n == 0 {
		return nil, io.EOF
	}
	var executions, queries, rows []int64
	var texts []string
	for range n {
		executions, queries, rows = append(executions, r.execution), append(queries, r.q), append(rows, r.next)
		texts = append(texts, markedText(r.q, r.next))
		r.next++
	}
	long := func(values []int64) e6test.Column {
		return e6test.Column{Type: vector.Long, Nulls: make([]bool, n), Ints: values}
	}
	return &e6test.Batch{Rows: n, Columns: []e6test.Column{
		long(executions), long(queries), long(rows), {Type: vector.String, Nulls: make([]bool, n), Strings: texts},
	}}, nil
}
