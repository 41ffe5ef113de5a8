// Package vector decodes the engine's results: the metadata, which describes the columns,
// and the batches, which hold their values column by column.
//
// A batch is one Thrift struct in the plain binary protocol. Decode reads it directly from
// the bytes, without the Thrift library: fixed-width values are swapped in bulk into a slice
// per column, and strings are views of the input. A Batch reuses its memory when it decodes
// again, so that a long result needs no memory per batch.
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
// Strings are views of the input and keep it alive. The input must not change while a value
// that was read from it is in use. Slices belong to the Batch: its next Decode overwrites
// them.
//
// # Broken input
//
// Input comes from the network and is not trusted. Every error in it is a *DecodeError that
// names the column and the byte. A batch is decoded completely or not at all. A length is
// checked against the available bytes before memory is allocated for it. Unknown fields are
// skipped.
//
// The package does no I/O, except that the first use of a zone by its name reads
// the machine's time zone database, as package time does.
package vector
