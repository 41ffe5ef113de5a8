package sqlvalue

import (
	"database/sql"
	"reflect"
	"time"

	"github.com/e6data/e6data-go/e6/vector"
)

// Assign copies the value of one row of a column into the variable that dest points to. A
// value is never rounded or cut: a value that does not fit is an error, which is ErrNull for a
// NULL. A sql.Scanner that is not one of database/sql gets the value that DriverValue
// returns. Assign retains neither the column nor dest.
func Assign(col *vector.Column, row int, dest any) error {
	if isNil(dest) {
		return errNoPointer
	}
	null := col.IsNull(row)
	switch d := dest.(type) {
	case *any:
		*d = col.Value(row)
		return nil
	case *int64:
		if col.Type() == vector.Long && !null {
			*d = col.Int64(row)
			return nil
		}
	case *float64:
		if t := col.Type(); (t == vector.Double || t == vector.Float) && !null {
			*d = col.Float64(row)
			return nil
		}
	case *string:
		if null {
			return nullError(reflect.TypeFor[string]())
		}
		*d = textOf(col, row)
		return nil
	case *[]byte:
		*d = nil
		if !null {
			*d = []byte(textOf(col, row))
		}
		return nil
	case *time.Time:
		if null {
			return nullError(reflect.TypeFor[time.Time]())
		}
		t, ok, err := timeOf(col.Value(row))
		switch {
		case !ok:
			return mismatch(col, reflect.TypeFor[time.Time]())
		case err == nil:
			*d = t
		}
		return err
	case *vector.DateValue: // its Scan method would accept other types
		return assignExact(d, col, row)
	case *vector.TimestampValue:
		return assignExact(d, col, row)
	case *vector.Decimal:
		return assignDecimal(d, col, row)
	case sql.Scanner:
		if value, valid, ok := nullable(col, dest); ok {
			return assignNullable(col, row, value, valid)
		}
		v, err := DriverValue(col, row)
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
	return assignKind(col, row, dest)
}

// assignDecimal copies a decimal without the conversion to text that Decimal.Scan needs.
func assignDecimal(d *vector.Decimal, col *vector.Column, row int) error {
	switch {
	case col.IsNull(row):
		return nullError(reflect.TypeFor[vector.Decimal]())
	case col.Type() == vector.Decimal128:
		*d = col.Decimal(row)
		return nil
	}
	v, err := DriverValue(col, row)
	if err != nil {
		return err
	}
	return d.Scan(v)
}

// isNil reports whether a destination is nil, or a nil pointer. A sql.Scanner need not be
// a pointer.
func isNil(dest any) bool {
	switch v := reflect.ValueOf(dest); v.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Map, reflect.Func, reflect.Chan:
		return v.IsNil()
	}
	return false
}

// assignExact copies a value whose type is that of the destination.
func assignExact[T any](d *T, col *vector.Column, row int) error {
	v := col.Value(row)
	if v == nil {
		return nullError(reflect.TypeFor[T]())
	}
	t, ok := v.(T)
	if !ok {
		return mismatch(col, reflect.TypeFor[T]())
	}
	*d = t
	return nil
}

// assignNull sets a pointer or a slice of bytes to nil. No other destination holds a NULL.
func assignNull(dest any) error {
	v := reflect.ValueOf(dest)
	if v.Kind() != reflect.Pointer {
		return errNoPointer
	}
	if v.Elem().Kind() != reflect.Pointer && !isBytes(v.Elem().Type()) {
		return nullError(v.Elem().Type())
	}
	v.Elem().SetZero()
	return nil
}

// assignKind copies a value into a destination by the kind of its type.
func assignKind(col *vector.Column, row int, dest any) error {
	v := reflect.ValueOf(dest)
	if v.Kind() != reflect.Pointer {
		return errNoPointer
	}
	v = v.Elem()
	switch v.Kind() {
	case reflect.Pointer:
		inner := reflect.New(v.Type().Elem())
		if err := Assign(col, row, inner.Interface()); err != nil {
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

// assignNested decodes an ARRAY, a MAP or a STRUCT, which the engine sends as JSON.
func assignNested(col *vector.Column, row int, dest any) error {
	if !isNested(col.Type()) {
		return mismatch(col, reflect.TypeOf(dest).Elem())
	}
	return UnmarshalNested([]byte(textOf(col, row)), dest)
}

func isNested(t vector.Type) bool { return t == vector.Array || t == vector.Map || t == vector.Struct }

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
	switch col.Type() {
	case vector.Boolean, vector.Integer, vector.Long, vector.Float, vector.Double, vector.Decimal128,
		vector.Date, vector.Datetime, vector.Timestamp, vector.TimestampTZ, vector.Int96:
		return col.Text(row)
	}
	return col.Str(row)
}
