package sqlvalue

import (
	"fmt"
	"reflect"
	"time"

	"github.com/e6data/e6data-go/e6/vector"
)

// mismatch returns the error of a column type that does not convert to a Go type without
// loss, with the types that work.
func mismatch(col *vector.Column, dest reflect.Type) error {
	t := col.Type()
	cause := fmt.Sprintf("%s does not convert to %s", t, dest)
	if t == vector.Decimal128 && (dest.Kind() == reflect.Float64 || dest.Kind() == reflect.Float32) {
		cause = fmt.Sprintf("a %s does not hold every decimal", dest)
	}
	if cast := castFor(dest); cast != "" {
		return fmt.Errorf("%s: use %s, or CAST to %s in the statement", cause, goTypeOf(t), cast)
	}
	if own := goTypeOf(t); own != "string" {
		return fmt.Errorf("%s: use %s, string or any", cause, own)
	}
	return fmt.Errorf("%s: use string or any", cause)
}

// goTypeOf returns the destination that takes every value of a type.
func goTypeOf(t vector.Type) string {
	switch t {
	case vector.Boolean:
		return "bool"
	case vector.Integer, vector.Long:
		return "int64"
	case vector.Float, vector.Double:
		return "float64"
	case vector.Decimal128:
		return "e6.Decimal"
	case vector.Binary:
		return "[]byte"
	case vector.Date, vector.Datetime, vector.Timestamp, vector.TimestampTZ, vector.Int96:
		return "time.Time"
	}
	return "string"
}

// castFor returns the SQL type whose values fit a Go type, or "" if there is none.
func castFor(dest reflect.Type) string {
	switch dest {
	case reflect.TypeFor[time.Time](), reflect.TypeFor[vector.TimestampValue]():
		return "TIMESTAMP"
	case reflect.TypeFor[vector.DateValue]():
		return "DATE"
	case reflect.TypeFor[vector.Decimal]():
		return "DECIMAL"
	}
	switch dest.Kind() {
	case reflect.Bool:
		return "BOOLEAN"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "BIGINT"
	case reflect.Float32:
		return "FLOAT"
	case reflect.Float64:
		return "DOUBLE"
	}
	return ""
}
