package vector

import (
	"errors"
	"fmt"
	"strings"
)

// What can be wrong with a batch or with metadata. Every error of this package
// that comes from decoding is a *DecodeError that wraps one of them.
var (
	// ErrTruncated says that the input ends before a value that it announces
	// does: it was cut off, or a length in it is too large.
	ErrTruncated = errors.New("input ends too early: it was cut off, or a length in it lies")
	// ErrTrailing says that bytes follow the end of the value.
	ErrTrailing = errors.New("bytes follow the end of the value: it is not one batch, or a length in it lies")
	// ErrLength says that a length or a size is negative.
	ErrLength = errors.New("negative length: the input is corrupt")
	// ErrType says that something has another type than the protocol gives it,
	// or a type that is not known.
	ErrType = errors.New("unexpected type: the input is corrupt or of a newer protocol")
	// ErrField says that a required field is missing, or that one comes twice.
	ErrField = errors.New("field missing or given twice: the input is corrupt or no batch at all")
	// ErrUnion says that a vector's data is of a kind that its type cannot have.
	ErrUnion = errors.New("data does not fit the vector's type")
	// ErrDepth says that fields that are to be skipped are nested too deeply.
	ErrDepth = errors.New("nested too deeply: the input is corrupt or hostile")
	// ErrRows says that the parts of a batch disagree on the number of rows.
	ErrRows = errors.New("number of rows differs within the batch")
	// ErrColumns says that a batch has another number of columns than the
	// metadata declared.
	ErrColumns = errors.New("number of columns differs from the metadata")
	// ErrValue says that the bytes of a value are none of its type's.
	ErrValue = errors.New("invalid value")
)

// DecodeError says where in the input the decoding stopped, and why. Nothing of
// the input is handed out then.
type DecodeError struct {
	// Op is what was being decoded, "batch" or "metadata".
	Op string
	// Column is the number of the column, counted from 0, or -1 if the error
	// belongs to no single column.
	Column int
	// Name is the column's name, or empty if it is not known.
	Name string
	// Offset is the number of the byte in the input at which the broken part
	// begins, counted from 0.
	Offset int
	// Detail is what was found there and what was expected.
	Detail string
	// Err is one of this package's sentinels, such as ErrTruncated.
	Err error
}

// Error returns the message with everything that the error knows.
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

// fail returns an error at an offset that belongs to no column yet.
func fail(offset int, err error, format string, args ...any) *DecodeError {
	return &DecodeError{Column: -1, Offset: offset, Detail: fmt.Sprintf(format, args...), Err: err}
}
