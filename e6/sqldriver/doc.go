// Package sqldriver is the driver "e6" for database/sql.
//
//	db, err := sql.Open("e6", "e6s://user:token@host:port/catalog/schema?cluster=name")
//
// All connections of a sql.DB share one client, with one session on each side, so that a
// cutover needs one authentication for the whole pool. The first call opens the client, and
// DB.Close closes it.
//
// The context passes options of a query that database/sql does not have: see
// e6.WithQueryOptions. Conn.Raw returns the client:
//
//	conn, err := db.Conn(ctx)
//	err = conn.Raw(func(c any) error {
//		client := c.(*sqldriver.Conn).Client() // columnar batches, events, Switch
//		...
//	})
//
// Values have the types of database/sql: whole numbers are int64, floats
// float64, BINARY []byte, dates and timestamps time.Time, and decimals their exact
// text, which vector.Decimal scans. ARRAY, MAP and STRUCT are text.
//
// The engine has no transactions. It returns no number of affected rows and no last insert
// id: see ErrTransactions, ErrRowsAffected and ErrLastInsertID.
package sqldriver
