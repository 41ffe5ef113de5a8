package e6

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/e6data/e6data-go/e6/internal/wire"
	"github.com/e6data/e6data-go/e6/vector"
)

// ScanError reports a value that does not go into its destination.
type ScanError struct {
	// Column is the column's name, Type the type of its vector, and TypeName the type
	// that the engine declares for it.
	Column   string
	Type     vector.Type
	TypeName string
	// QueryID is the engine's id of the query.
	QueryID string
	// Row is the row of the result, counted from 0. The message counts from 1.
	Row int
	// Dest is the type of the destination.
	Dest string
	// Err is why, and what to do.
	Err error
}

// Error implements error.
func (e *ScanError) Error() string {
	return fmt.Sprintf("e6: scan column %q (%s) row %d%s into %s: %v",
		e.Column, wire.Visible(cmp.Or(e.TypeName, e.Type.String())), e.Row+1, queryName(e.QueryID, ""), e.Dest, e.Err)
}

// Unwrap returns the reason.
func (e *ScanError) Unwrap() error { return e.Err }

var (
	errNull      = errors.New("the value is null: scan into a pointer, *any or a sql.Null")
	errRange     = errors.New("the value is out of the destination's range: use a larger type, *string or *any")
	errNotWhole  = errors.New("the value is not a whole number: use vector.Decimal or string, or ROUND it in the statement")
	errNoPointer = errors.New("the destination is not a pointer to a value: pass the address of a variable")
)

// A place is where in a result a batch is.
type place struct {
	query string
	first int64 // the number of its first row
}

// of is the error of a value of that batch, with its place in the result.
func (p place) of(e *ScanError) error {
	e.QueryID, e.Row = p.query, int(p.first)+e.Row
	return e
}

// failed is the error of a value in its batch.
func failed(col *vector.Column, row int, dest string, err error) *ScanError {
	f := col.Field()
	return &ScanError{Column: f.Name, Type: col.Type(), TypeName: f.TypeName, Row: row, Dest: dest, Err: err}
}

// scanValue copies one value into *dest.
func scanValue(col *vector.Column, row int, dest any) *ScanError {
	if err := assign(col, row, dest); err != nil {
		return failed(col, row, fmt.Sprintf("%T", dest), err)
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
		return assignExact(d, col, row)
	case *vector.TimestampValue:
		return assignExact(d, col, row)
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
	case *[]byte:
		*d = nil
		if !null {
			*d = []byte(textOf(col, row))
		}
		return nil
	case sql.Scanner:
		if value, valid, ok := nullable(col, dest); ok {
			return assignNullable(col, row, value, valid)
		}
		v, err := driverValue(col, row)
		if err != nil {
			return err
		}
		return d.Scan(v)
	}
	if value, valid, ok := nullable(col, dest); ok {
		return assignNullable(col, row, value, valid)
	}
	if null {
		return assignNull(dest)
	}
	switch d := dest.(type) {
	case *string:
		*d = textOf(col, row)
		return nil
	case *time.Time:
		t, ok, err := timeOf(col.Value(row))
		if !ok {
			return mismatch(col, reflect.TypeFor[time.Time]())
		}
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
func assignExact[T any](d *T, col *vector.Column, row int) error {
	v := col.Value(row)
	if v == nil {
		return errNull
	}
	t, ok := v.(T)
	if !ok {
		return mismatch(col, reflect.TypeFor[T]())
	}
	*d = t
	return nil
}

// assignNull sets a pointer or bytes to nil; nothing else can hold a null.
func assignNull(dest any) error {
	v := reflect.ValueOf(dest)
	if v.Kind() != reflect.Pointer {
		return errNoPointer
	}
	if v.Elem().Kind() != reflect.Pointer && !isBytes(v.Elem().Type()) {
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
			return mismatch(col, v.Type())
		}
		v.SetBool(b)
		return nil
	case reflect.String:
		v.SetString(textOf(col, row))
		return nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, ok, err := intOf(col.Value(row))
		if !ok {
			return mismatch(col, v.Type())
		}
		if err == nil && v.OverflowInt(n) {
			err = errRange
		}
		if err == nil {
			v.SetInt(n)
		}
		return err
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, ok, err := uintOf(col.Value(row))
		if !ok {
			return mismatch(col, v.Type())
		}
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
		if isBytes(v.Type()) {
			v.SetBytes([]byte(textOf(col, row)))
			return nil
		}
		return assignNested(col, row, dest)
	}
	return mismatch(col, v.Type())
}

// isBytes reports whether a type is a slice of bytes.
func isBytes(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8
}

// assignNested reads an ARRAY, a MAP or a STRUCT, which come as JSON.
func assignNested(col *vector.Column, row int, dest any) error {
	if !isNested(col.Type()) {
		return mismatch(col, reflect.TypeOf(dest).Elem())
	}
	return unmarshalNested([]byte(textOf(col, row)), dest)
}

func isNested(t vector.Type) bool { return t == vector.Array || t == vector.Map || t == vector.Struct }

// intOf is a whole number, and false for a value that is no number of a kind that may
// be whole.
func intOf(v any) (n int64, ok bool, err error) {
	switch v := v.(type) {
	case int64:
		return v, true, nil
	case int32:
		return int64(v), true, nil
	case vector.Decimal:
		digits, err := wholeDigits(v)
		if err != nil {
			return 0, true, err
		}
		if n, err = strconv.ParseInt(digits, 10, 64); err != nil {
			return 0, true, errRange
		}
		return n, true, nil
	}
	return 0, false, nil
}

// uintOf is intOf for a whole number that is not negative. A decimal may be larger
// than any int64.
func uintOf(v any) (uint64, bool, error) {
	if d, ok := v.(vector.Decimal); ok {
		digits, err := wholeDigits(d)
		if err != nil {
			return 0, true, err
		}
		n, err := strconv.ParseUint(digits, 10, 64)
		if err != nil {
			return 0, true, errRange
		}
		return n, true, nil
	}
	n, ok, err := intOf(v)
	if err == nil && n < 0 {
		err = errRange
	}
	return uint64(n), ok, err
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
		if dst.Kind() == reflect.Float32 {
			if err := fitsFloat32(n, col); err != nil {
				return err
			}
		}
		dst.SetFloat(n)
	case int64:
		return assignWhole(dst, n)
	case int32:
		return assignWhole(dst, int64(n))
	default:
		return mismatch(col, dst.Type())
	}
	return nil
}

// errFloat32: the nearest float32 is another number.
var errFloat32 = errors.New("a float32 would round the value: use *float64, or CAST to FLOAT in the statement")

// fitsFloat32 fails if something that the column declares is lost in a float32. The
// values of a FLOAT column have no more digits than that, although they come as
// float64.
func fitsFloat32(n float64, col *vector.Column) error {
	f := float64(float32(n))
	switch {
	case math.IsInf(f, 0) && !math.IsInf(n, 0), f == 0 && n != 0: // no FLOAT can be that
		return errRange
	case col.Type() == vector.Float, col.Field().Type == vector.Float, f == n, math.IsNaN(n):
		return nil
	}
	return errFloat32
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
		return fmt.Errorf("the value is out of the destination's range of exact whole numbers: use *int64, or CAST to %s in the statement", castFor(dst.Type()))
	}
	dst.SetFloat(f)
	return nil
}

// timeOf is a point in time, in the zone that came with it, and false for a value that
// is none.
func timeOf(v any) (at time.Time, ok bool, err error) {
	switch t := v.(type) {
	case vector.DateValue:
		at, err = t.Time()
		return at, true, err
	case vector.TimestampValue:
		at, err = t.Time()
		return at, true, err
	}
	return time.Time{}, false, nil
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
		t, _, err := timeOf(v)
		if err != nil {
			return nil, fmt.Errorf("%w: scan into *string for the text", err)
		}
		return t, nil
	default:
		return v, nil
	}
}
