package sqlvalue

import (
	"errors"
	"fmt"
	"reflect"
)

// ErrNull is the cause of an error of Assign if the value is NULL and the destination
// cannot hold it.
var ErrNull = errors.New("the value is null")

var (
	errRange     = errors.New("the value is out of the destination's range: use a larger type, string or any")
	errNotWhole  = errors.New("the value is not a whole number: use e6.Decimal or string, or ROUND it in the statement")
	errNoPointer = errors.New("the destination is not a pointer to a value: pass the address of a variable")
)

// A ValueError reports a value that does not fit its destination.
type ValueError struct {
	// Column is the index of the column, from 0.
	Column int
	// Row is the index of the row in its batch.
	Row int
	// Field is the field of the destination as Type.Field, if it is one of a struct.
	Field string
	// Dest is the Go type of the destination.
	Dest string
	// Err is the reason, with the next step.
	Err error
}

// Error implements error.
func (e *ValueError) Error() string {
	return fmt.Sprintf("column %d row %d into %s: %v", e.Column+1, e.Row+1, e.Dest, e.Err)
}

// Unwrap returns the reason.
func (e *ValueError) Unwrap() error { return e.Err }

// nullError returns the error of a NULL for a destination of a type that cannot hold it.
func nullError(dest reflect.Type) error {
	return fmt.Errorf("%w, and %s cannot hold it: declare the destination as *%s, sql.Null[%s] or any, or use COALESCE in the statement",
		ErrNull, dest, dest, dest)
}
