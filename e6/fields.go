package e6

import (
	"database/sql"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/e6data/e6data-go/e6/vector"
)

// targetsOf returns a function that finds the destination of each column in a T.
func targetsOf[T any](fields []vector.Field) (func(*T, int) any, error) {
	typ := reflect.TypeFor[T]()
	if typ.Kind() != reflect.Struct || isValue(typ) {
		if len(fields) != 1 {
			return nil, fmt.Errorf("the result has %d columns: want one for %s, or a struct", len(fields), typ)
		}
		return func(t *T, _ int) any { return t }, nil
	}
	paths := make([][]int, len(fields))
	for i, f := range fields {
		path := fieldFor(typ, f.Name)
		if path == nil {
			return nil, fmt.Errorf("column %q has no field in %s: name it in a tag such as `e6:%q`", f.Name, typ, f.Name)
		}
		for j, other := range paths[:i] {
			// The one may also be a part of the other.
			if n := min(len(path), len(other)); slices.Equal(path[:n], other[:n]) {
				return nil, fmt.Errorf("columns %d (%q) and %d (%q) both go into the field %s of %s: rename one of them in the statement, or give each a field of its own",
					j+1, fields[j].Name, i+1, f.Name, typ.FieldByIndex(path[:n]).Name, typ)
			}
		}
		paths[i] = path
	}
	return func(t *T, i int) any { return reflect.ValueOf(t).Elem().FieldByIndex(paths[i]).Addr().Interface() }, nil
}

// isValue reports whether a struct is one value, rather than one per field.
func isValue(typ reflect.Type) bool {
	switch reflect.Zero(typ).Interface().(type) {
	case time.Time, vector.Decimal, vector.DateValue, vector.TimestampValue:
		return true
	}
	return reflect.PointerTo(typ).Implements(reflect.TypeFor[sql.Scanner]())
}

// fieldFor finds the field of a column: by its tag first, then by its name.
func fieldFor(typ reflect.Type, column string) []int {
	var byName []int
	for _, f := range reflect.VisibleFields(typ) {
		if !f.IsExported() || throughPointer(typ, f.Index) {
			continue
		}
		if tag, ok := f.Tag.Lookup("e6"); ok {
			if tag == column {
				return f.Index
			}
			continue
		}
		if byName == nil && !f.Anonymous && strings.EqualFold(f.Name, column) {
			byName = f.Index
		}
	}
	return byName
}

// throughPointer reports whether a field is reached through an embedded
// pointer, which would be nil.
func throughPointer(typ reflect.Type, index []int) bool {
	for _, i := range index[:len(index)-1] {
		f := typ.Field(i)
		if f.Type.Kind() == reflect.Pointer {
			return true
		}
		typ = f.Type
	}
	return false
}
