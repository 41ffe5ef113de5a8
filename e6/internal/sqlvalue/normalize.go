package sqlvalue

import (
	"database/sql/driver"
	"fmt"
	"reflect"
	"time"

	"github.com/e6data/e6data-go/e6/vector"
)

// normalizeArg reduces an argument to nil, bool, int64, uint64, float32, float64,
// string, []byte (not nil), time.Time, vector.Decimal or vector.DateValue, or to a
// list, whose elements are not normalized yet.
func normalizeArg(v any) (any, error) { return normalizeWithin(v, maxPointers) }

// maxPointers is how many pointers may lead to a value. A longer chain is taken for a cycle.
const maxPointers = 16

func normalizeWithin(v any, pointers int) (any, error) {
	switch v := v.(type) {
	case nil, bool, int64, uint64, float32, float64, string, time.Time, vector.Decimal, vector.DateValue:
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
			return nil, &BindError{Problem: fmt.Sprintf("the Value method of %T failed", v), Err: err}
		}
		if _, again := inner.(driver.Valuer); again {
			return nil, refuse("the Value method of %T returned another driver.Valuer", v)
		}
		return normalizeWithin(inner, pointers-1)
	}
	if pointers < 0 {
		return nil, refuse("a %T leads through more than %d pointers", v, maxPointers)
	}
	return normalizeKind(reflect.ValueOf(v), pointers)
}

// list is a slice or an array for IN (?).
type list struct{ reflect.Value }

// normalizeKind reduces values of types whose underlying type is a basic one.
func normalizeKind(v reflect.Value, pointers int) (any, error) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil, nil
		}
		return normalizeWithin(v.Elem().Interface(), pointers-1)
	case reflect.Bool:
		return v.Bool(), nil
	case reflect.String:
		return v.String(), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int(), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return v.Uint(), nil
	case reflect.Float32:
		return float32(v.Float()), nil
	case reflect.Float64:
		return v.Float(), nil
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() != reflect.Uint8 {
			return list{v}, nil
		}
		if v.Kind() == reflect.Slice {
			return normalizeArg(v.Bytes())
		}
		b := make([]byte, v.Len())
		reflect.Copy(reflect.ValueOf(b), v)
		return b, nil
	}
	return nil, refuse("a %s cannot be written as SQL: give a number, a string, a bool, []byte, time.Time, a decimal, a slice of these, or a driver.Valuer", v.Type())
}

// writeArg writes an argument. The elements of a slice are separated by commas, for
// IN (?); an empty slice is NULL, so that no value is in it.
func writeArg(to *buffer, v any, write func(to *buffer, value any) error) error {
	p, err := normalizeArg(v)
	if err != nil {
		return err
	}
	values, isList := p.(list)
	if !isList {
		return write(to, p)
	}
	for i := range values.Len() {
		if i > 0 {
			if err := to.write(", "); err != nil {
				return err
			}
		}
		p, err := normalizeArg(values.Index(i).Interface())
		if _, nested := p.(list); nested {
			err = refuse("a slice of slices cannot be written as SQL")
		}
		if err == nil {
			err = write(to, p)
		}
		if err != nil {
			return elementError(err, i)
		}
	}
	if values.Len() == 0 {
		return write(to, nil)
	}
	return nil
}

// elementError adds to an error which element of a slice it is about.
func elementError(err error, i int) error {
	if typed, ok := err.(*BindError); ok && typed.Param == "" {
		typed.Problem = fmt.Sprintf("value %d of the slice: %s", i+1, typed.Problem)
	}
	return err
}
