// Package e6arrow gives the result of a query as Apache Arrow records.
//
//	rows, err := client.Query(ctx, "SELECT * FROM orders")
//	if err != nil {
//		return err
//	}
//	defer rows.Close()
//	reader, err := e6arrow.NewReader(rows)
//	if err != nil {
//		return err
//	}
//	defer reader.Release()
//	for reader.Next() {
//		use(reader.RecordBatch())
//	}
//	return reader.Err()
//
// # Types
//
//	BOOLEAN                     bool
//	BYTE, SHORT, INTEGER, INT   int32, as the engine sends them
//	LONG                        int64
//	FLOAT, DOUBLE               float64, as the engine sends them
//	STRING, CHAR                utf8
//	BINARY                      binary
//	DATE                        date32
//	DATETIME, TIMESTAMP, INT96  timestamp[us]
//	TIMESTAMP_TZ                timestamp[us, tz=UTC]: the instant, without the row's zone
//	DECIMAL128                  decimal128(38, scale)
//	ARRAY, MAP, STRUCT          utf8, JSON; metadata e6.type
//	NULL                        null
//
// The scale of a decimal column is the one that the metadata or the vector declares, else
// that of the first value, in whatever batch that is. A value that needs more digits
// behind the point is an error; DecimalsAsText avoids it. So is a date beyond the 32 bits
// of Arrow's. A column of a declared type that is not known becomes what its first vector
// is, or utf8 if that has nothing but nulls.
//
// # Memory
//
// The values of LONG, INTEGER, FLOAT, DOUBLE and of the timestamps are not copied: a
// record shares them with the batch that it was made of, and the garbage collector
// frees them after both. Such a batch must not be decoded into again; a Reader does not
// give it back to the rows. All other columns are copied, as Arrow has another layout for them.
package e6arrow
