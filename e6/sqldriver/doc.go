// Package sqldriver is a driver for database/sql by the name of e6.
//
//	db, err := sql.Open("e6", "e6s://user:token@host:port/catalog/schema?cluster=name")
//
// All connections of a sql.DB are one client: one connection to the cluster and
// one session on each side, so that a cutover costs one login, however many
// connections the pool has. The client is opened by the first call, and closed by
// DB.Close.
//
// Options that database/sql has no place for are set in the context, with
// e6.WithQueryOptions, or through the client itself:
//
//	conn, err := db.Conn(ctx)
//	err = conn.Raw(func(c any) error {
//		client := c.(*sqldriver.Conn).Client() // columnar batches, events, Switch
//		...
//	})
//
// Values come as database/sql has them: whole numbers as int64, floats as
// float64, BINARY as []byte, dates and timestamps as time.Time, and decimals as
// their exact text, which vector.Decimal scans. ARRAY, MAP and STRUCT are text.
//
// The engine has no transactions, and returns neither the number of affected rows
// nor a last insert id: see ErrTransactions, ErrRowsAffected and ErrLastInsertID.
package sqldriver
