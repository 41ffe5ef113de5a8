// Package e6arrow converts the result of a query to Apache Arrow records.
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
// The scale of a decimal column is the scale that the metadata or the vector declares, or
// else that of the first value of the result. A value that needs more digits after the
// point is an error; DecimalsAsText avoids it. A date beyond the 32 bits of Arrow's date is
// an error too. A column of an unknown declared type gets the type of its first vector, or
// utf8 if that vector has only nulls.
//
// # Memory
//
// The values of LONG, INTEGER, FLOAT, DOUBLE and of the timestamps are not copied: a record
// shares them with its batch, and the garbage collector frees them after both. Do not decode
// into such a batch again; a Reader does not release it to the rows. All other columns are
// copied, because Arrow has another layout for them.
package e6arrow
