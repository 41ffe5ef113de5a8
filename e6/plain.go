package e6

import (
	"database/sql/driver"
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/e6data/e6data-go/e6/vector"
)

// plain reduces an argument to nil, bool, int64, uint64, float32, float64,
// string (valid UTF-8), []byte (not nil), time.Time, vector.Decimal or
// vector.DateValue, or to a list of these.
func plain(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, int64, uint64, float32, float64, time.Time, vector.Decimal, vector.DateValue:
		return v, nil
	case string:
		if !utf8.ValidString(v) {
			return nil, refuse("the string is not valid UTF-8: give []byte for binary data")
		}
		return v, nil
	case []byte:
		if v == nil {
			return nil, nil
		}
		return v, nil
	case vector.TimestampValue:
		return time.UnixMicro(v.Micros), nil
	case driver.Valuer:
		if isNil(v) {
			return nil, nil
		}
		inner, err := v.Value()
		if err != nil {
			return nil, &ParamError{Problem: fmt.Sprintf("the Value method of %T failed", v), Err: err}
		}
		if _, again := inner.(driver.Valuer); again {
			return nil, refuse("the Value method of %T returned another driver.Valuer", v)
		}
		return plain(inner)
	}
	return plainKind(reflect.ValueOf(v))
}

// list is a slice for IN (?), of plain values.
type list []any

// plainKind reduces values of types that are made of the basic ones.
func plainKind(v reflect.Value) (any, error) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil, nil
		}
		return plain(v.Elem().Interface())
	case reflect.Bool:
		return v.Bool(), nil
	case reflect.String:
		return plain(v.String())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int(), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return v.Uint(), nil
	case reflect.Float32:
		return float32(v.Float()), nil
	case reflect.Float64:
		return v.Float(), nil
	case reflect.Slice, reflect.Array:
		return plainList(v)
	}
	return nil, refuse("a %s cannot be written as SQL: give a number, a string, a bool, []byte, time.Time, a decimal, a slice of these, or a driver.Valuer", v.Type())
}

func plainList(v reflect.Value) (any, error) {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		if v.Kind() == reflect.Slice && v.IsNil() {
			return nil, nil
		}
		b := make([]byte, v.Len())
		reflect.Copy(reflect.ValueOf(b), v)
		return b, nil
	}
	values := make(list, v.Len())
	for i := range values {
		one, err := plain(v.Index(i).Interface())
		if err != nil {
			return nil, err
		}
		if _, nested := one.(list); nested {
			return nil, refuse("a slice of slices cannot be written as SQL")
		}
		values[i] = one
	}
	return values, nil
}

// writeEach writes a value, or those of a slice for IN (?). An empty slice is
// NULL, which nothing is in.
func writeEach(v any, write func(plain any) (string, error)) (string, error) {
	p, err := plain(v)
	if err != nil {
		return "", err
	}
	values, isList := p.(list)
	if !isList {
		return write(p)
	}
	if len(values) == 0 {
		return write(nil)
	}
	parts := make([]string, len(values))
	for i, one := range values {
		if parts[i], err = write(one); err != nil {
			return "", err
		}
	}
	return strings.Join(parts, ", "), nil
}
