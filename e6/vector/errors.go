package vector

import (
	"errors"
	"fmt"
	"strings"
)

// The errors of a batch or of metadata. Every error of decoding is a *DecodeError
// that wraps one of them.
var (
	// ErrTruncated: the input ends within a value: it was cut off, or a length in
	// it is too large.
	ErrTruncated = errors.New("input ends too early: it was cut off, or a length in it lies")
	// ErrTrailing: there are bytes after the end of the value.
	ErrTrailing = errors.New("bytes follow the end of the value: it is not one batch, or a length in it lies")
	// ErrLength: a length or a size is negative.
	ErrLength = errors.New("negative length: the input is corrupt")
	// ErrType: a field has another type than in the protocol, or an unknown type.
	ErrType = errors.New("unexpected type: the input is corrupt or of a newer protocol")
	// ErrField: a required field is missing, or a field occurs twice.
	ErrField = errors.New("field missing or given twice: the input is corrupt or no batch at all")
	// ErrUnion: the data of a vector has a kind that its type cannot have.
	ErrUnion = errors.New("data does not fit the vector's type")
	// ErrDepth: unknown fields are nested too deeply.
	ErrDepth = errors.New("nested too deeply: the input is corrupt or hostile")
	// ErrRows: the parts of a batch disagree on the number of rows.
	ErrRows = errors.New("number of rows differs within the batch")
	// ErrColumns: a batch has another number of columns than its metadata.
	ErrColumns = errors.New("number of columns differs from the metadata")
	// ErrValue: the bytes of a value are not valid for its type.
	ErrValue = errors.New("invalid value")
)

// DecodeError is the error of a failed decoding, with its position in the input.
// Nothing of the input is returned then.
type DecodeError struct {
	// Op is the kind of the input, "batch" or "metadata".
	Op string
	// Column is the number of the column, counted from 0, or -1 if the error
	// belongs to no single column.
	Column int
	// Name is the column's name, or empty if it is not known.
	Name string
	// Offset is the number of the byte in the input at which the broken part
	// begins, counted from 0.
	Offset int
	// Detail names the found and the expected value.
	Detail string
	// Err is one of this package's sentinels, such as ErrTruncated.
	Err error
}

// Error returns the message with all fields of the error.
func (e *DecodeError) Error() string {
	var s strings.Builder
	fmt.Fprintf(&s, "vector: decode %s: ", e.Op)
	if e.Column >= 0 {
		fmt.Fprintf(&s, "column %d", e.Column)
		if e.Name != "" {
			fmt.Fprintf(&s, " %q", e.Name)
		}
		s.WriteString(", ")
	}
	fmt.Fprintf(&s, "byte %d: ", e.Offset)
	if e.Detail != "" {
		s.WriteString(e.Detail)
		s.WriteString(": ")
	}
	fmt.Fprintf(&s, "%v", e.Err)
	return s.String()
}

// Unwrap returns Err.
func (e *DecodeError) Unwrap() error { return e.Err }

// fail returns an error at an offset, without a column.
func fail(offset int, err error, format string, args ...any) *DecodeError {
	return &DecodeError{Column: -1, Offset: offset, Detail: fmt.Sprintf(format, args...), Err: err}
}
