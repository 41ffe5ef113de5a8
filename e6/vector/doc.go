// Package vector decodes the engine's results: the metadata that names the
// columns, and the batches that hold their values column by column.
//
// A batch is one Thrift struct in the plain binary protocol. Decode reads it
// straight from the bytes, without Thrift's library: fixed-width values are
// swapped in bulk into a slice per column, strings are views of the input, and
// a Batch that is decoded into again reuses its memory, so that a long result
// takes no memory per batch.
//
//	batch := new(vector.Batch)
//	if err := batch.Decode(raw, meta.Fields); err != nil { ... }
//	ids := batch.Column(0).Int64s()
//
// # Reading
//
// The typed slices (Int64s, Float64s, Decimals, ...) are the fastest. IsNull and
// Nulls mark the entries of null rows, which have no meaning, and a constant column
// has one entry for all rows. Value and Text read a single row of any type, and
// accessors such as Int64 and Timestamp a row of their type; they handle nulls and
// constant columns.
//
// Values are exact: a Decimal keeps all 38 digits and its scale and never goes
// through a float, a TimestampValue keeps its microseconds and the zone of its
// row, and dates may lie outside the years 1 to 9999.
//
// # Ownership
//
// Strings are views of the input, so the input must not change while anything
// that was read from it is in use; they keep it alive. Slices belong to the
// Batch and are overwritten by its next Decode.
//
// # Broken input
//
// Input comes from the network and is not trusted. Every error in it is
// a *DecodeError that names the column and the byte; nothing is decoded halfway,
// no length is believed before the bytes behind it are there, and fields that
// are not known are skipped.
//
// The package does no I/O, except that the first use of a zone by its name reads
// the machine's time zone database, as package time does.
package vector
