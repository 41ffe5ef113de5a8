package sqldriver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io"

	"github.com/e6data/e6data-go/e6"
)

// Conn is a connection of the pool. It holds no resource of its own: all of them
// share one client.
type Conn struct {
	connector *Connector
	client    *e6.Client
	owns      io.Closer // what to close with it, if anything
}

var (
	_ driver.Conn               = (*Conn)(nil)
	_ driver.Pinger             = (*Conn)(nil)
	_ driver.QueryerContext     = (*Conn)(nil)
	_ driver.ExecerContext      = (*Conn)(nil)
	_ driver.ConnPrepareContext = (*Conn)(nil)
	_ driver.ConnBeginTx        = (*Conn)(nil)
	_ driver.NamedValueChecker  = (*Conn)(nil)
	_ driver.SessionResetter    = (*Conn)(nil)
	_ driver.Validator          = (*Conn)(nil)
)

// Client is the client under all connections. It must not be closed.
func (c *Conn) Client() *e6.Client { return c.client }

// usable returns driver.ErrBadConn if the client is closed. Nothing has
// been sent then, and another connection will have a new one.
func (c *Conn) usable() error {
	if c.client.Closed() {
		return driver.ErrBadConn
	}
	return nil
}

// Ping implements driver.Pinger: it sends a health probe to the active side.
func (c *Conn) Ping(ctx context.Context) error {
	if err := c.usable(); err != nil {
		return err
	}
	_, err := c.client.Refresh(ctx)
	return err
}

// QueryContext implements driver.QueryerContext.
func (c *Conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.usable(); err != nil {
		return nil, err
	}
	r, err := c.client.Query(ctx, query, values(args)...)
	if err != nil {
		return nil, err
	}
	return newRows(r), nil
}

// ExecContext implements driver.ExecerContext.
func (c *Conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.usable(); err != nil {
		return nil, err
	}
	if err := c.client.Exec(ctx, query, values(args)...); err != nil {
		return nil, err
	}
	return result{}, nil
}

// values are the arguments as the client takes them.
func values(args []driver.NamedValue) []any {
	out := make([]any, len(args))
	for i, arg := range args {
		out[i] = arg.Value
		if arg.Name != "" {
			out[i] = sql.Named(arg.Name, arg.Value)
		}
	}
	return out
}

// CheckNamedValue implements driver.NamedValueChecker. Every value is left as it
// is: the client knows more types than database/sql, and its errors name the
// placeholder.
func (c *Conn) CheckNamedValue(*driver.NamedValue) error { return nil }

// Prepare implements driver.Conn.
func (c *Conn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

// PrepareContext implements driver.ConnPrepareContext. It makes no call: the
// engine prepares a statement for one execution on one side.
func (c *Conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := c.usable(); err != nil {
		return nil, err
	}
	return &stmt{conn: c, query: query}, nil
}

// Begin implements driver.Conn.
func (c *Conn) Begin() (driver.Tx, error) { return c.BeginTx(context.Background(), driver.TxOptions{}) }

// BeginTx implements driver.ConnBeginTx. Its error is ErrTransactions, unless
// the transaction only reads and the connector allows that.
func (c *Conn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !c.connector.readOnlyTx || !opts.ReadOnly {
		return nil, ErrTransactions
	}
	if level := sql.IsolationLevel(opts.Isolation); level != sql.LevelDefault {
		return nil, fmt.Errorf("%w: isolation level %s", ErrTransactions, level)
	}
	return readOnlyTx{}, nil
}

// ResetSession implements driver.SessionResetter. There is nothing to reset: a
// connection has no state.
func (c *Conn) ResetSession(context.Context) error { return c.usable() }

// IsValid implements driver.Validator.
func (c *Conn) IsValid() bool { return c.usable() == nil }

// Close implements driver.Conn.
func (c *Conn) Close() error {
	if c.owns == nil {
		return nil
	}
	return c.owns.Close()
}

// readOnlyTx is a transaction that does nothing.
type readOnlyTx struct{}

var _ driver.Tx = readOnlyTx{}

func (readOnlyTx) Commit() error   { return nil }
func (readOnlyTx) Rollback() error { return nil }

// result is what is known of a statement that has run: that it has.
type result struct{}

var _ driver.Result = result{}

func (result) LastInsertId() (int64, error) { return 0, ErrLastInsertID }
func (result) RowsAffected() (int64, error) { return 0, ErrRowsAffected }
