package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/sqldriver"
	"github.com/e6data/e6data-go/e6/vector"
)

// constants is a driver whose rows are always the same, and cost nothing.
type constants struct{ rows int }

func (c constants) Connect(context.Context) (driver.Conn, error) { return constantConn(c), nil }
func (c constants) Driver() driver.Driver                        { return nil }

type constantConn constants

func (constantConn) Prepare(string) (driver.Stmt, error) {
	return nil, errors.New("nothing is prepared")
}
func (constantConn) Close() error              { return nil }
func (constantConn) Begin() (driver.Tx, error) { return nil, errors.New("there are no transactions") }
func (c constantConn) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return &constantRows{left: c.rows}, nil
}

type constantRows struct{ left int }

func (*constantRows) Columns() []string { return []string{"n", "text"} }
func (*constantRows) Close() error      { return nil }
func (r *constantRows) Next(dest []driver.Value) error {
	if r.left == 0 {
		return io.EOF
	}
	r.left--
	dest[0], dest[1] = int64(7), "row 7"
	return nil
}

// read reads all rows of a statement.
func read(db *sql.DB, statement string) {
	result, err := db.Query(statement)
	must(err)
	var n int64
	var text string
	for result.Next() {
		must(result.Scan(&n, &text))
	}
	must(errors.Join(result.Err(), result.Close()))
}

var rowsThroughSQL = comparison{
	name: "read 1,000,000 rows of a LONG and a STRING through database/sql", against: "a driver that returns constants", goal: 1.5, unit: ofTime,
	reason: "three quarters of the reading goroutine's time are spent in database/sql itself, as with constants, and a quarter in the driver; the other processor is busy meanwhile with the server, gRPC, the decoding and the garbage, which slows the first one down",
	begin: func(size size) (trial, func(), error) {
		batches := size.of(20)
		raw, err := encoded(longs(), texts())
		if err != nil {
			return nil, nil, err
		}
		fields := []vector.Field{{Name: "n", Type: vector.Long}, {Name: "text", Type: vector.String}}
		server, err := serveCanned(fields, raw, rows, batches)
		if err != nil {
			return nil, nil, err
		}
		connector, err := sqldriver.NewConnector(e6.Config{Address: server.addr, User: "me", Token: "any"})
		if err != nil {
			server.close()
			return nil, nil, err
		}
		ours, theirs := sql.OpenDB(connector), sql.OpenDB(constants{rows * batches})
		loop := func(db *sql.DB) work { return repeated(func() { read(db, "SELECT * FROM t") }) }
		return alternate(loop(ours), loop(theirs), ofTime), func() {
			must(errors.Join(ours.Close(), theirs.Close()))
			server.close()
		}, nil
	},
}
