package sqldriver

import (
	"context"
	"database/sql/driver"
	"errors"
)

// stmt is a statement's text.
type stmt struct {
	conn  *Conn
	query string
}

var (
	_ driver.Stmt              = (*stmt)(nil)
	_ driver.StmtQueryContext  = (*stmt)(nil)
	_ driver.StmtExecContext   = (*stmt)(nil)
	_ driver.NamedValueChecker = (*stmt)(nil)
)

func (s *stmt) Close() error { return nil }

// NumInput leaves the count of the placeholders to the client, whose error names
// more.
func (s *stmt) NumInput() int { return -1 }

func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.conn.QueryContext(ctx, s.query, args)
}

func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.conn.ExecContext(ctx, s.query, args)
}

func (s *stmt) CheckNamedValue(v *driver.NamedValue) error { return s.conn.CheckNamedValue(v) }

// errOldInterface: database/sql calls the variants with a context.
var errOldInterface = errors.New("e6: call the variant with a context")

func (s *stmt) Exec([]driver.Value) (driver.Result, error) { return nil, errOldInterface }
func (s *stmt) Query([]driver.Value) (driver.Rows, error)  { return nil, errOldInterface }
