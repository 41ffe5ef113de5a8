package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/sqldriver"
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
	name: "100,000 rows of two columns through database/sql", against: "a driver that returns constants", goal: 1.5, unit: "time",
	begin: func() (work, work, func(), error) {
		const n = 100_000
		cluster, err := e6test.Start(e6test.WithBatchRows(10_000))
		if err != nil {
			return nil, nil, nil, err
		}
		connector, err := sqldriver.NewConnector(e6.Config{Address: cluster.Addr(), User: "me", Token: "any", PrepareTimeout: time.Minute})
		if err != nil {
			return nil, nil, nil, errors.Join(err, cluster.Close())
		}
		ours, theirs := sql.OpenDB(connector), sql.OpenDB(constants{n})
		statement := fmt.Sprintf("SELECT * FROM numbers(%d)", n)
		loop := func(db *sql.DB) work {
			return func(n int) {
				for range n {
					read(db, statement)
				}
			}
		}
		return loop(ours), loop(theirs), func() { must(errors.Join(ours.Close(), theirs.Close(), cluster.Close())) }, nil
	},
}
