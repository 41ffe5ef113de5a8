package e6

import (
	"database/sql"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/e6data/e6data-go/e6/vector"
)

// ScanError reports a value that does not go into its destination.
type ScanError struct {
	// Column is the column's name, and Type its type.
	Column string
	Type   vector.Type
	// Row is the row within its batch, counted from 0.
	Row int
	// Dest is the type of the destination.
	Dest string
	// Err is why.
	Err error
}

// Error implements error.
func (e *ScanError) Error() string {
	return fmt.Sprintf("e6: scan: column %q (%s) into %s: %v", e.Column, e.Type, e.Dest, e.Err)
}

// Unwrap returns the reason.
func (e *ScanError) Unwrap() error { return e.Err }

var (
	errNull      = errors.New("the value is null: scan into a pointer, *any or a sql.Null")
	errRange     = errors.New("the value is out of the destination's range")
	errNoMatch   = errors.New("values of this type do not go there")
	errNotWhole  = errors.New("the value is not a whole number")
	errNoPointer = errors.New("the destination is not a pointer to a value")
)

// scanValue copies one value into *dest.
func scanValue(col *vector.Column, row int, dest any) error {
	if err := assign(col, row, dest); err != nil {
		return &ScanError{Column: col.Field().Name, Type: col.Type(), Row: row, Dest: fmt.Sprintf("%T", dest), Err: err}
	}
	return nil
}

func assign(col *vector.Column, row int, dest any) error {
	if isNil(dest) {
		return errNoPointer
	}
	null := col.IsNull(row)
	switch d := dest.(type) {
	case *any:
		*d = col.Value(row)
		return nil
	case *vector.DateValue: // exactly, and not by their Scan methods
		return assignExact(d, col.Value(row))
	case *vector.TimestampValue:
		return assignExact(d, col.Value(row))
	case *vector.Decimal: // without the way over text that its Scan method takes
		switch v := col.Value(row).(type) {
		case vector.Decimal:
			*d = v
			return nil
		case nil:
			return errNull
		}
		v, err := driverValue(col, row)
		if err != nil {
			return err
		}
		return d.Scan(v)
	case sql.Scanner:
		v, err := driverValue(col, row)
		if err != nil {
			return err
		}
		return d.Scan(v)
	case *[]byte:
		*d = nil
		if !null {
			*d = []byte(textOf(col, row))
		}
		return nil
	}
	if null {
		return assignNull(dest)
	}
	switch d := dest.(type) {
	case *string:
		*d = textOf(col, row)
		return nil
	case *time.Time:
		t, err := timeOf(col.Value(row))
		*d = t
		return err
	}
	return assignKind(col, row, dest)
}

// isNil reports whether there is nothing behind a destination. A sql.Scanner need
// not be a pointer.
func isNil(dest any) bool {
	switch v := reflect.ValueOf(dest); v.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Chan:
		return v.IsNil()
	}
	return false
}

// assignExact copies a value of exactly the destination's type.
func assignExact[T any](d *T, v any) error {
	if v == nil {
		return errNull
	}
	t, ok := v.(T)
	if !ok {
		return errNoMatch
	}
	*d = t
	return nil
}

// assignNull sets a pointer to nil; nothing else can hold a null.
func assignNull(dest any) error {
	v := reflect.ValueOf(dest)
	if v.Kind() != reflect.Pointer {
		return errNoPointer
	}
	if v.Elem().Kind() != reflect.Pointer {
		return errNull
	}
	v.Elem().SetZero()
	return nil
}

// assignKind copies a value into a destination that is known by its kind.
func assignKind(col *vector.Column, row int, dest any) error {
	v := reflect.ValueOf(dest)
	if v.Kind() != reflect.Pointer {
		return errNoPointer
	}
	v = v.Elem()
	switch v.Kind() {
	case reflect.Pointer:
		inner := reflect.New(v.Type().Elem())
		if err := assign(col, row, inner.Interface()); err != nil {
			return err
		}
		v.Set(inner)
		return nil
	case reflect.Bool:
		b, ok := col.Value(row).(bool)
		if !ok {
			return errNoMatch
		}
		v.SetBool(b)
		return nil
	case reflect.String:
		v.SetString(textOf(col, row))
		return nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := intOf(col.Value(row))
		if err == nil && v.OverflowInt(n) {
			err = errRange
		}
		if err == nil {
			v.SetInt(n)
		}
		return err
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := uintOf(col.Value(row))
		if err == nil && v.OverflowUint(n) {
			err = errRange
		}
		if err == nil {
			v.SetUint(n)
		}
		return err
	case reflect.Float32, reflect.Float64:
		return assignFloat(v, col, row)
	case reflect.Slice, reflect.Array, reflect.Map, reflect.Struct:
		return assignNested(col, row, dest)
	}
	return errNoMatch
}

// assignNested reads an ARRAY, a MAP or a STRUCT, which come as JSON.
func assignNested(col *vector.Column, row int, dest any) error {
	switch col.Type() {
	case vector.Array, vector.Map, vector.Struct:
	default:
		return errNoMatch
	}
	return unmarshalNested([]byte(textOf(col, row)), dest)
}

// intOf is a whole number.
func intOf(v any) (int64, error) {
	switch n := v.(type) {
	case int64:
		return n, nil
	case int32:
		return int64(n), nil
	case vector.Decimal:
		digits, err := wholeDigits(n)
		if err != nil {
			return 0, err
		}
		i, err := strconv.ParseInt(digits, 10, 64)
		if err != nil {
			return 0, errRange
		}
		return i, nil
	}
	return 0, errNoMatch
}

// uintOf is a whole number that is not negative. A decimal may be larger than
// any int64.
func uintOf(v any) (uint64, error) {
	if d, ok := v.(vector.Decimal); ok {
		digits, err := wholeDigits(d)
		if err != nil {
			return 0, err
		}
		n, err := strconv.ParseUint(digits, 10, 64)
		if err != nil {
			return 0, errRange
		}
		return n, nil
	}
	n, err := intOf(v)
	if err == nil && n < 0 {
		err = errRange
	}
	return uint64(n), err
}

// wholeDigits is a decimal with nothing but zeros behind its point, without them.
func wholeDigits(d vector.Decimal) (string, error) {
	whole, fraction, _ := strings.Cut(d.String(), ".")
	if strings.Trim(fraction, "0") != "" {
		return "", errNotWhole
	}
	return whole, nil
}

// assignFloat takes what a float holds exactly. A decimal never goes through a
// float, as digits would be lost in silence.
func assignFloat(dst reflect.Value, col *vector.Column, row int) error {
	switch n := col.Value(row).(type) {
	case float64:
		if dst.Kind() == reflect.Float32 && !fitsFloat32(n, col) {
			return errRange
		}
		dst.SetFloat(n)
	case int64:
		return assignWhole(dst, n)
	case int32:
		return assignWhole(dst, int64(n))
	default:
		return errNoMatch
	}
	return nil
}

// fitsFloat32 reports whether nothing that the column declares is lost in a
// float32. The values of a FLOAT column have no more digits than that, although
// they come as float64.
func fitsFloat32(n float64, col *vector.Column) bool {
	f := float64(float32(n))
	if col.Type() == vector.Float || col.Field().Type == vector.Float {
		// Only a value that no FLOAT can be becomes infinite, or nothing.
		return math.IsInf(f, 0) == math.IsInf(n, 0) && (f == 0) == (n == 0)
	}
	return f == n || math.IsNaN(n)
}

// assignWhole puts a whole number into a float that holds all its digits.
func assignWhole(dst reflect.Value, n int64) error {
	f := float64(n)
	if dst.Kind() == reflect.Float32 {
		f = float64(float32(n))
	}
	// 2^63 is no int64, and what a conversion makes of it differs between
	// processors.
	if f >= 1<<63 || int64(f) != n {
		return errRange
	}
	dst.SetFloat(f)
	return nil
}

// timeOf is a point in time, in the zone that came with it.
func timeOf(v any) (time.Time, error) {
	switch t := v.(type) {
	case vector.DateValue:
		return t.Time()
	case vector.TimestampValue:
		return t.Time()
	}
	return time.Time{}, errNoMatch
}

// textOf is a value as text; binary values are their own bytes.
func textOf(col *vector.Column, row int) string {
	switch v := col.Value(row).(type) {
	case string:
		return v
	case []byte:
		return string(v)
	}
	return col.Text(row)
}

// driverValue is a value as database/sql hands it to a sql.Scanner.
func driverValue(col *vector.Column, row int) (any, error) {
	switch v := col.Value(row).(type) {
	case int32:
		return int64(v), nil
	case vector.Decimal:
		return v.String(), nil
	case vector.DateValue, vector.TimestampValue:
		t, err := timeOf(v)
		if err != nil {
			return nil, fmt.Errorf("%w: scan into *string for the text", err)
		}
		return t, nil
	default:
		return v, nil
	}
}
