// Package emulator is a local e6data: the protocol server of package e6test with
// DuckDB as its SQL engine. Both sides of the cluster share one database, so
// results are the same before and after a cutover.
//
// Start runs a cluster in the process; command e6emu runs it as a separate process.
// New returns only the engine, for a cluster that is started with e6test.
//
// # Data
//
// By default the database is in memory and holds a sample data set in demo.sales:
// customers, products, orders (1,000,000 rows), returns, and types, which has a
// column of every type. Every value is computed from the number of its row;
// SampleOrder and similar functions compute the same rows in Go, so that a program
// can check the results of its queries. Options.Database serves a file instead.
// Names without a catalog or schema are resolved in those of the session, then in those of
// the engine. Statements can do everything that DuckDB can, including reading and
// writing files: do not expose the cluster to other users.
//
// # Functions
//
// In addition to DuckDB's functions, there are functions of e6data's dialect that DuckDB
// lacks or names differently: timestamp_add and date_add with a unit, trunc of dates,
// date_format, from_unixtime, and to_timestamp of a text (functions.sql). A function of the
// same name in the session's schema has precedence.
//
// # Types
//
// BOOLEAN, FLOAT, DOUBLE, DATE and BLOB are sent as the vectors of those names
// (BLOB as BINARY); TINYINT to INTEGER, UTINYINT and USMALLINT as
// INTEGER; BIGINT and UINTEGER as LONG; DECIMAL exactly, and UBIGINT, HUGEINT and
// UHUGEINT with scale 0, as DECIMAL128; the TIMESTAMPs as DATETIME, nanoseconds
// cut off; TIMESTAMPTZ as TIMESTAMP_TZ with the session's zone, since DuckDB
// keeps none per row; lists and arrays as ARRAY, MAP as MAP, STRUCT and UNION as
// STRUCT, all three as JSON; VARCHAR, JSON, UUID, ENUM, TIME, TIMETZ, INTERVAL
// and BIT as STRING. A NULL without a type is an INTEGER, as in DuckDB.
//
// A value that does not fit is an error that names the column: an integer of more than
// 38 digits, an infinite date or time, one more than 292,000 years away from
// 1970, and the types BIGNUM, TIME_NS, VARIANT and GEOMETRY.
//
// # Results
//
// Execute returns when DuckDB has run the statement to its end. The result stays
// in DuckDB, outside of Go's heap, and batches are copied from it one by one.
// So the row count is exact before the first fetch, and errors come from execute. The
// cost is memory for the whole result and a wait for its last row, about 0.1 s for all
// columns of the million orders. Each statement has a separate connection: settings,
// temporary tables and open transactions end with it.
package emulator
