package e6test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/e6data/e6data-go/e6/vector"
	"github.com/e6data/e6data-go/internal/sqltext"
)

// CannedEngine is a small Engine without SQL. It knows these statements, in any
// case, with or without comments:
//
//	SELECT n                        one row with that whole number
//	SELECT ?, ?             one row with the parameters, each as type and text
//	SELECT sleep(ms)                the same, after that many milliseconds
//	SELECT * FROM numbers(n)        n rows: see NumbersText
//	SELECT * FROM everything(n)     n rows of every type: see EverythingText
//	SELECT * FROM t                 a table that was added with AddTable
//	INSERT INTO t VALUES (n)        counts: see Inserted
//	FAIL text                       fails when it is executed, with that text
//
// Any other statement is a syntax error. Its methods may be called by any
// goroutine.
type CannedEngine struct {
	mu       sync.Mutex
	tables   map[string]cannedTable
	inserted map[string][]int64
}

type cannedTable struct {
	fields []vector.Field
	batch  Batch
}

var _ Engine = (*CannedEngine)(nil)

// NewCannedEngine returns an engine without tables.
func NewCannedEngine() *CannedEngine {
	return &CannedEngine{tables: map[string]cannedTable{}, inserted: map[string][]int64{}}
}

// AddTable adds a table with its rows, or replaces one. The batch must not change
// afterwards; if it does not fit EncodeBatch, reading the table fails.
func (e *CannedEngine) AddTable(name string, fields []vector.Field, b Batch) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.tables[strings.ToLower(name)] = cannedTable{fields, b}
}

// Inserted returns the numbers that were inserted into a table, in their order.
func (e *CannedEngine) Inserted(table string) []int64 {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.inserted[strings.ToLower(table)])
}

var (
	selectNumber = regexp.MustCompile(`(?i)^select\s+(-?\d+)$`)
	selectParams = regexp.MustCompile(`(?i)^select\s+\?(\s*,\s*\?)*$`)
	selectSleep  = regexp.MustCompile(`(?i)^select\s+sleep\((\d+)\)$`)
	selectFrom   = regexp.MustCompile(`(?i)^select\s+\*\s+from\s+(numbers|everything)\((\d+)\)$`)
	selectTable  = regexp.MustCompile(`(?i)^select\s+\*\s+from\s+(\w+)$`)
	insertInto   = regexp.MustCompile(`(?i)^insert\s+into\s+(\w+)\s+values\s*\((-?\d+)\)$`)
	failWith     = regexp.MustCompile(`(?is)^fail\s+(.*)$`)
)

// Prepare implements Engine.
func (e *CannedEngine) Prepare(_ context.Context, s Statement) (Prepared, error) {
	if sql := withoutComments(s.SQL); selectParams.MatchString(sql) {
		return &cannedParams{cannedPrepared: cannedPrepared{sql: s.SQL}, want: strings.Count(sql, "?")}, nil
	}
	run, err := e.plan(s.SQL)
	if err != nil {
		return nil, err
	}
	return &cannedPrepared{sql: s.SQL, run: run}, nil
}

// withoutComments is a statement without the comments around and in it.
func withoutComments(sql string) string {
	if !strings.Contains(sql, "/*") && !strings.Contains(sql, "--") {
		return strings.TrimSpace(sql)
	}
	var out strings.Builder
	for t := range sqltext.Tokens(sql) {
		if t.Kind == sqltext.Comment {
			t.Text = " "
		}
		out.WriteString(t.Text)
	}
	return strings.TrimSpace(out.String())
}

// plan parses a statement.
func (e *CannedEngine) plan(statement string) (func(context.Context) (Result, error), error) {
	sql := withoutComments(statement)
	if m := selectNumber.FindStringSubmatch(sql); m != nil {
		return one("n", m[1])
	}
	if m := selectSleep.FindStringSubmatch(sql); m != nil {
		return sleep(m[1])
	}
	if m := selectFrom.FindStringSubmatch(sql); m != nil {
		n, err := strconv.Atoi(m[2])
		if strings.EqualFold(m[1], "numbers") {
			return func(context.Context) (Result, error) { return numbers(n), nil }, err
		}
		return func(context.Context) (Result, error) { return everything(n), nil }, err
	}
	if m := insertInto.FindStringSubmatch(sql); m != nil {
		n, err := strconv.ParseInt(m[2], 10, 64)
		return func(context.Context) (Result, error) { return e.insert(m[1], n), nil }, err
	}
	if m := failWith.FindStringSubmatch(sql); m != nil {
		return func(context.Context) (Result, error) { return nil, errors.New(m[1]) }, nil
	}
	if m := selectTable.FindStringSubmatch(sql); m != nil {
		e.mu.Lock()
		defer e.mu.Unlock()
		if t, ok := e.tables[strings.ToLower(m[1])]; ok {
			return func(context.Context) (Result, error) {
				return &cannedResult{fields: t.fields, rows: t.batch.Rows, make: t.batch.slice}, nil
			}, nil
		}
		return nil, fmt.Errorf("table %s does not exist", m[1])
	}
	return nil, fmt.Errorf("syntax error in %.500q", strings.TrimSpace(statement)) // an error is a header, which has a limit
}

// one is a result of one whole number.
func one(name, number string) (func(context.Context) (Result, error), error) {
	n, err := strconv.ParseInt(number, 10, 64)
	return func(context.Context) (Result, error) {
		return &cannedResult{
			fields: []vector.Field{{Name: name, Type: vector.Long}}, rows: 1,
			make: func(int, int) *Batch {
				return &Batch{Rows: 1, Columns: []Column{{Type: vector.Long, Nulls: []bool{false}, Ints: []int64{n}}}}
			},
		}, nil
	}, err
}

func sleep(ms string) (func(context.Context) (Result, error), error) {
	n, err := strconv.Atoi(ms)
	if err != nil {
		return nil, err
	}
	awake, err := one("slept", ms)
	return func(ctx context.Context) (Result, error) {
		t := time.NewTimer(time.Duration(n) * time.Millisecond)
		defer t.Stop()
		select {
		case <-t.C:
			return awake(ctx)
		case <-ctx.Done():
			return nil, status.Error(codes.Canceled, "the query was cancelled")
		}
	}, err
}

func (e *CannedEngine) insert(table string, n int64) Result {
	e.mu.Lock()
	defer e.mu.Unlock()
	table = strings.ToLower(table)
	e.inserted[table] = append(e.inserted[table], n)
	return &cannedResult{fields: []vector.Field{{Name: "count", Type: vector.Long}}, rows: 1, make: func(int, int) *Batch {
		return &Batch{Rows: 1, Columns: []Column{{Type: vector.Long, Nulls: []bool{false}, Ints: []int64{1}}}}
	}}
}

// Catalogs implements Engine.
func (e *CannedEngine) Catalogs(context.Context) ([]Catalog, error) {
	return []Catalog{{Name: "canned", Default: true}}, nil
}

// Schemas implements Engine.
func (e *CannedEngine) Schemas(context.Context, string) ([]string, error) {
	return []string{"main"}, nil
}

// Tables implements Engine.
func (e *CannedEngine) Tables(context.Context, string, string) ([]string, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	names := make([]string, 0, len(e.tables))
	for name := range e.tables {
		names = append(names, name)
	}
	slices.Sort(names)
	return names, nil
}

// Columns implements Engine.
func (e *CannedEngine) Columns(_ context.Context, _, _, table string) ([]TableColumn, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	t, ok := e.tables[strings.ToLower(table)]
	if !ok {
		return nil, fmt.Errorf("table %s does not exist", table)
	}
	columns := make([]TableColumn, len(t.fields))
	for i, f := range t.fields {
		columns[i] = TableColumn{f.Name, strings.ToLower(f.Type.String())}
	}
	return columns, nil
}

// DryRun implements Engine.
func (e *CannedEngine) DryRun(_ context.Context, s Statement) (string, error) {
	_, err := e.plan(s.SQL)
	return "ok", err
}

type cannedPrepared struct {
	sql string
	run func(context.Context) (Result, error)
}

func (p *cannedPrepared) Execute(ctx context.Context) (Result, error) { return p.run(ctx) }
func (p *cannedPrepared) Explain(context.Context) (string, error)     { return "CANNED " + p.sql, nil }
func (p *cannedPrepared) Close() error                                { return nil }

// cannedParams returns the parameters that it was given.
type cannedParams struct {
	cannedPrepared
	want int
}

var _ Parameterized = (*cannedParams)(nil)

func (p *cannedParams) Parameters() []string { return make([]string, p.want) }

func (p *cannedParams) Bind(_ context.Context, values []Parameter) error {
	p.run = func(context.Context) (Result, error) {
		r := &cannedResult{rows: 1}
		row := &Batch{Rows: 1}
		for i, v := range values {
			r.fields = append(r.fields, vector.Field{Name: strconv.Itoa(i + 1), Type: vector.String})
			row.Columns = append(row.Columns, Column{Type: vector.String, Strings: []string{v.Type + " " + v.Text}})
		}
		r.make = func(int, int) *Batch { return row }
		return r, nil
	}
	return nil
}

// cannedResult is made as it is read.
type cannedResult struct {
	fields []vector.Field
	rows   int
	make   func(from, to int) *Batch
	next   int
}

func (r *cannedResult) Fields() []vector.Field { return r.fields }
func (r *cannedResult) RowCount() int64        { return int64(r.rows) }
func (r *cannedResult) Close() error           { return nil }

func (r *cannedResult) Next(ctx context.Context, maxRows int) (*Batch, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if r.next >= r.rows {
		return nil, io.EOF
	}
	from := r.next
	r.next = min(from+maxRows, r.rows)
	return r.make(from, r.next), nil
}

// slice returns some of the rows. Where a column has too few, so has its slice,
// and the encoder names it in its error.
func (b *Batch) slice(from, to int) *Batch {
	out := &Batch{Rows: to - from, Columns: slices.Clone(b.Columns)}
	for i := range out.Columns {
		c := &out.Columns[i]
		if c.Constant {
			if len(c.Nulls) > 1 {
				c.Nulls = cut(c.Nulls, from, to)
			}
			continue
		}
		c.Nulls, c.Bools, c.Ints = cut(c.Nulls, from, to), cut(c.Bools, from, to), cut(c.Ints, from, to)
		c.Floats, c.Strings = cut(c.Floats, from, to), cut(c.Strings, from, to)
		c.Decimals, c.Zones = cut(c.Decimals, from, to), cut(c.Zones, from, to)
	}
	return out
}

func cut[T any](values []T, from, to int) []T {
	return values[min(from, len(values)):min(to, len(values))]
}
