package emulator

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"github.com/e6data/e6data-go/e6/e6test"
)

// statement is a prepared statement with the connection that it runs on.
type statement struct {
	engine *Engine
	source e6test.Statement
	text   string // translated

	// closing ends when Close begins, so that Close has no long statement to
	// wait for.
	closing context.Context
	stop    context.CancelFunc

	// mu is held while the connection is in use: Close waits for Execute.
	mu   sync.Mutex
	conn *connection
	stmt mapping.PreparedStatement
	used bool
}

var _ e6test.Prepared = (*statement)(nil)

// errStatement is returned for a statement that was closed or executed before.
var errStatement = errors.New("the statement was executed or closed before")

func (e *Engine) newStatement(conn *connection, s e6test.Statement) *statement {
	p := &statement{engine: e, source: s, text: Translate(s.SQL), conn: conn}
	p.closing, p.stop = context.WithCancel(context.Background())
	return p
}

// Prepare implements e6test.Engine. The statement's text is translated by
// Translate first. Errors of DuckDB are reported in DuckDB's
// words, whose positions refer to the translated text.
func (e *Engine) Prepare(ctx context.Context, s e6test.Statement) (e6test.Prepared, error) {
	p, err := e.prepare(ctx, s)
	if err != nil {
		return nil, err
	}
	return p, nil
}

func (e *Engine) prepare(ctx context.Context, s e6test.Statement) (*statement, error) {
	conn, err := e.connect(ctx, s.Catalog, s.Schema)
	if err != nil {
		return nil, err
	}
	p := e.newStatement(conn, s)
	if p.stmt, err = conn.prepare(ctx, p.text); err != nil {
		_ = p.Close()
		return nil, err
	}
	// A column that cannot be sent is refused now, before it has an effect. With
	// parameters, types may be open until the values are there.
	for i := range p.columns() {
		if mapping.NParams(p.stmt) > 0 {
			break
		}
		_, err := logicalType(mapping.PreparedStatementColumnLogicalType(p.stmt, mapping.IdxT(i)))
		if err != nil {
			name := mapping.PreparedStatementColumnName(p.stmt, mapping.IdxT(i))
			_ = p.Close()
			return nil, unsendable(err, i, name)
		}
	}
	return p, nil
}

// columns is the number of columns that the statement will return.
func (p *statement) columns() int { return int(mapping.PreparedStatementColumnCount(p.stmt)) }

// Execute implements e6test.Prepared. It returns when DuckDB has run the
// statement to its end; a cancelled context interrupts DuckDB.
func (p *statement) Execute(ctx context.Context) (e6test.Result, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.used || p.conn == nil {
		return nil, errStatement
	}
	p.used = true
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.closing, cancel)()
	res, err := p.conn.execute(ctx, p.stmt)
	if err != nil {
		return nil, err
	}
	if res.zoned() {
		zone, err := p.conn.texts(ctx, "SELECT current_setting('TimeZone')")
		if err != nil {
			_ = res.Close()
			return nil, err
		}
		res.setZone(zone[0][0])
	}
	return res, nil
}

// Explain implements e6test.Prepared with DuckDB's plan, drawn in text. It uses
// a connection of its own and so may be called while the statement runs. Where
// DuckDB has no plan to show, as for a DROP TABLE that has run, the text is
// the cause.
func (p *statement) Explain(ctx context.Context) (string, error) {
	conn, err := p.engine.connect(ctx, p.source.Catalog, p.source.Schema)
	if err != nil {
		return "", err
	}
	defer conn.close()
	rows, err := conn.texts(ctx, "EXPLAIN "+p.text)
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	if err != nil {
		return "no plan: " + err.Error(), nil
	}
	var b strings.Builder
	for _, row := range rows {
		b.WriteString(row[len(row)-1])
		b.WriteByte('\n')
	}
	return strings.TrimRight(b.String(), "\n"), nil
}

// Close implements e6test.Prepared. It interrupts a running Execute and waits
// for it to return. The result of one that has returned stays readable.
func (p *statement) Close() error {
	p.stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conn == nil {
		return nil
	}
	mapping.DestroyPrepare(&p.stmt)
	p.conn.close()
	p.conn = nil
	return nil
}

// DryRun implements e6test.Engine: it prepares the statement and lists the
// columns that it would return, with e6data's short names of their types.
func (e *Engine) DryRun(ctx context.Context, s e6test.Statement) (string, error) {
	p, err := e.prepare(ctx, s)
	if err != nil {
		return "", err
	}
	defer func() { _ = p.Close() }()
	var b strings.Builder
	b.WriteString("valid: (")
	for i, c := range p.describe() {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(c.Name + " " + c.Type)
	}
	b.WriteByte(')')
	return b.String(), nil
}

// describe lists the columns that the statement will return.
func (p *statement) describe() []e6test.TableColumn {
	columns := make([]e6test.TableColumn, p.columns())
	for i := range columns {
		lt := mapping.PreparedStatementColumnLogicalType(p.stmt, mapping.IdxT(i))
		columns[i] = e6test.TableColumn{
			Name: mapping.PreparedStatementColumnName(p.stmt, mapping.IdxT(i)),
			Type: shortName(lt),
		}
		mapping.DestroyLogicalType(&lt)
	}
	return columns
}
