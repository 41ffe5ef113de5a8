package e6

import (
	"database/sql/driver"
	"fmt"
	"reflect"
	"time"

	"github.com/e6data/e6data-go/e6/vector"
)

// plain reduces an argument to nil, bool, int64, uint64, float32, float64,
// string, []byte (not nil), time.Time, vector.Decimal or vector.DateValue, or to a
// list of values that are still to be reduced.
func plain(v any) (any, error) { return plainWithin(v, maxPointers) }

// maxPointers is how many pointers may lead to a value. More are a pointer to itself.
const maxPointers = 16

func plainWithin(v any, pointers int) (any, error) {
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
			return nil, &ParamError{Problem: fmt.Sprintf("the Value method of %T failed", v), Err: err}
		}
		if _, again := inner.(driver.Valuer); again {
			return nil, refuse("the Value method of %T returned another driver.Valuer", v)
		}
		return plainWithin(inner, pointers-1)
	}
	if pointers < 0 {
		return nil, refuse("a %T leads through more than %d pointers", v, maxPointers)
	}
	return plainKind(reflect.ValueOf(v), pointers)
}

// list is a slice or an array for IN (?).
type list struct{ reflect.Value }

// plainKind reduces values of types that are made of the basic ones.
func plainKind(v reflect.Value, pointers int) (any, error) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil, nil
		}
		return plainWithin(v.Elem().Interface(), pointers-1)
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
			return plain(v.Bytes())
		}
		b := make([]byte, v.Len())
		reflect.Copy(reflect.ValueOf(b), v)
		return b, nil
	}
	return nil, refuse("a %s cannot be written as SQL: give a number, a string, a bool, []byte, time.Time, a decimal, a slice of these, or a driver.Valuer", v.Type())
}

// writeEach writes a value, or those of a slice for IN (?). An empty slice is
// NULL, which nothing is in.
func writeEach(to *statement, v any, write func(to *statement, plain any) error) error {
	p, err := plain(v)
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
		p, err := plain(values.Index(i).Interface())
		if _, nested := p.(list); nested {
			err = refuse("a slice of slices cannot be written as SQL")
		}
		if err == nil {
			err = write(to, p)
		}
		if err != nil {
			return inList(err, i)
		}
	}
	if values.Len() == 0 {
		return write(to, nil)
	}
	return nil
}

// inList says which value of a list is wrong.
func inList(err error, i int) error {
	if typed, ok := err.(*ParamError); ok && typed.Param == "" {
		typed.Problem = fmt.Sprintf("value %d of the slice: %s", i+1, typed.Problem)
	}
	return err
}
