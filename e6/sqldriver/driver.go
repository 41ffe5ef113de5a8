package sqldriver

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"sync"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/config"
	"github.com/e6data/e6data-go/e6/internal/ctxerr"
)

func init() { sql.Register("e6", Driver{}) }

// The errors for what the protocol does not have.
var (
	// ErrTransactions: the engine has no transactions. A read-only one can be
	// allowed: see WithReadOnlyTransactions.
	ErrTransactions = errors.New("e6: the engine has no transactions: run the statements without one, or allow read-only ones with sqldriver.WithReadOnlyTransactions")
	// ErrRowsAffected: the protocol has no number of affected rows.
	ErrRowsAffected = errors.New("e6: RowsAffected: the protocol has no number of affected rows")
	// ErrLastInsertID: there are no generated ids.
	ErrLastInsertID = errors.New("e6: the engine generates no ids")
	// ErrConnectorClosed: a connection was requested after Close.
	ErrConnectorClosed = errors.New("e6: the connector is closed")
)

// Driver is the driver that is registered as e6.
type Driver struct{}

var (
	_ driver.Driver        = Driver{}
	_ driver.DriverContext = Driver{}
)

// Open implements driver.Driver. Every call opens a client of its own, which its
// connection closes; database/sql calls OpenConnector instead.
func (d Driver) Open(dsn string) (driver.Conn, error) {
	connector, err := d.OpenConnector(dsn)
	if err != nil {
		return nil, err
	}
	conn, err := connector.Connect(context.Background())
	if err != nil {
		return nil, err
	}
	conn.(*Conn).owns = connector.(io.Closer)
	return conn, nil
}

// OpenConnector implements driver.DriverContext. The data source name is as
// config.ParseDSN reads it.
func (Driver) OpenConnector(dsn string) (driver.Connector, error) {
	cfg, err := config.ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	return NewConnector(cfg)
}

// Option changes a Connector.
type Option func(*Connector)

// WithClientOptions adds options of the client, such as e6.WithLogger.
func WithClientOptions(opts ...e6.Option) Option {
	return func(c *Connector) { c.opts = append(c.opts, opts...) }
}

// WithReadOnlyTransactions lets a transaction begin that is declared as read
// only. It does nothing: each statement sees the data as they are when it runs.
// It is for programs and libraries that cannot do without.
func WithReadOnlyTransactions() Option { return func(c *Connector) { c.readOnlyTx = true } }

// Connector makes the connections of a sql.DB: see sql.OpenDB. They share one
// client.
type Connector struct {
	cfg        e6.Config
	opts       []e6.Option
	readOnlyTx bool

	opening chan struct{} // a semaphore: held while the client is opened
	mu      sync.Mutex
	client  *e6.Client
	closed  bool
}

var (
	_ driver.Connector = (*Connector)(nil)
	_ io.Closer        = (*Connector)(nil)
)

// NewConnector returns a Connector. It makes no call, and fails if the
// configuration is wrong.
func NewConnector(cfg e6.Config, opts ...Option) (*Connector, error) {
	c := &Connector{cfg: cfg, opening: make(chan struct{}, 1)}
	for _, opt := range opts {
		opt(c)
	}
	if err := cfg.Validate(c.opts...); err != nil {
		return nil, err
	}
	return c, nil
}

// Connect implements driver.Connector. The first call opens the client; others
// wait for it, within their contexts.
func (c *Connector) Connect(ctx context.Context) (driver.Conn, error) {
	client, err := c.Client(ctx)
	if err != nil {
		return nil, err
	}
	return &Conn{connector: c, client: client}, nil
}

// Client returns the client that all connections share, and opens it if that
// has not happened yet, or if it was closed. Close closes it.
func (c *Connector) Client(ctx context.Context) (*e6.Client, error) {
	if client, err := c.current(); client != nil || err != nil {
		return client, err
	}
	select {
	case c.opening <- struct{}{}:
		defer func() { <-c.opening }()
	case <-ctx.Done():
		return nil, ctxerr.Cause(ctx)
	}
	if client, err := c.current(); client != nil || err != nil {
		return client, err
	}
	client, err := e6.Open(ctx, c.cfg, c.opts...)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		_ = client.Close()
		return nil, ErrConnectorClosed
	}
	c.client = client
	return client, nil
}

// current returns the client if it is open, and the error of a closed connector.
func (c *Connector) current() (*e6.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, ErrConnectorClosed
	}
	if c.client != nil && c.client.Closed() {
		c.client = nil
	}
	return c.client, nil
}

// Driver implements driver.Connector.
func (c *Connector) Driver() driver.Driver { return Driver{} }

// Close implements io.Closer: it closes the client. DB.Close calls it.
func (c *Connector) Close() error {
	c.mu.Lock()
	client := c.client
	c.closed, c.client = true, nil
	c.mu.Unlock()
	if client == nil {
		return nil
	}
	return client.Close()
}
