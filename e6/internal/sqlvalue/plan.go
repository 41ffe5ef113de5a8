package sqlvalue

import (
	"database/sql"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/e6data/e6data-go/e6/vector"
)

// A Plan decodes the rows of one result into values of one Go type. It is computed once per
// result, is immutable and safe for concurrent use.
type Plan struct {
	typ   reflect.Type
	shape shape
	// fields has the field of each column, for structs.
	fields []field
	// columns are the names of the columns, for maps.
	columns []string
}

// shape is how the columns of a row are arranged in a Go value.
type shape uint8

const (
	shapeValue   shape = iota // one column is the value
	shapeStruct               // a column for each field
	shapePointer              // as shapeStruct, in a new struct for each row
	shapeMap                  // a map from the names of the columns to their values
)

// A MappingError reports a Go type that a result cannot be decoded into.
type MappingError struct {
	// Type is the Go type.
	Type string
	// Column is the name of the column, empty if the error is about no column.
	Column string
	// Field is the name of the field, empty if the error is about no field.
	Field string
	// Problem is the defect and the correction.
	Problem string
}

// Error implements error.
func (e *MappingError) Error() string { return e.Problem }

// NewPlan returns the plan that decodes rows with these columns into values of a type. The
// error is a *MappingError.
func NewPlan(typ reflect.Type, columns []vector.Field) (*Plan, error) {
	p := &Plan{typ: typ, shape: shapeOf(typ, len(columns))}
	switch p.shape {
	case shapeStruct:
		return p, p.mapFields(typ, columns)
	case shapePointer:
		return p, p.mapFields(typ.Elem(), columns)
	case shapeMap:
		return p, p.mapNames(columns)
	}
	if n := len(columns); n != 1 {
		return nil, &MappingError{Type: typ.String(), Problem: fmt.Sprintf(
			"the result has %d columns and %s takes one: select one, or use a struct or map[string]any", n, typeName(typ))}
	}
	return p, nil
}

// shapeOf returns the shape of a type for a result with a number of columns.
func shapeOf(typ reflect.Type, columns int) shape {
	switch {
	case typ.Kind() == reflect.Map && typ.ConvertibleTo(reflect.TypeFor[map[string]any]()):
		return shapeMap
	case isRow(typ, columns):
		return shapeStruct
	case typ.Kind() == reflect.Pointer && isRow(typ.Elem(), columns):
		return shapePointer
	}
	return shapeValue
}

// isRow reports whether a type is a struct with a field per column, and not a value such as
// time.Time.
func isRow(typ reflect.Type, columns int) bool {
	return typ.Kind() == reflect.Struct && !isValue(typ) && (columns != 1 || !isNullable(typ))
}

// isValue reports whether a struct is the value of one column: a time, a value of package
// vector or a sql.Scanner. A struct of several fields that only embeds a sql.Scanner, whose
// Scan method it has then, is not.
func isValue(typ reflect.Type) bool {
	switch typ {
	case reflect.TypeFor[time.Time](), reflect.TypeFor[vector.Decimal](), reflect.TypeFor[vector.DateValue](), reflect.TypeFor[vector.TimestampValue]():
		return true
	}
	ptr := reflect.PointerTo(typ)
	return ptr.Implements(reflect.TypeFor[sql.Scanner]()) && (typ.NumField() == 1 || !hasPromotedScan(ptr))
}

// mapFields finds the field of each column.
func (p *Plan) mapFields(typ reflect.Type, columns []vector.Field) error {
	fields, err := fieldsOf(typ)
	if err != nil {
		return err
	}
	column := make([]int, len(fields)) // the column of each field, from 1
	for i, c := range columns {
		f, err := fieldFor(typ, fields, c.Name)
		if err != nil {
			return err
		}
		if other := column[f]; other > 0 {
			return &MappingError{Type: typ.String(), Column: c.Name, Field: fields[f].name, Problem: fmt.Sprintf(
				"columns %d (%q) and %d (%q) both go into the field %s of %s: rename one of them in the statement, or give each a field of its own",
				other, columns[other-1].Name, i+1, c.Name, fields[f].name, typeName(typ))}
		}
		column[f] = i + 1
		p.fields = append(p.fields, fields[f])
	}
	for i, f := range fields {
		if column[i] == 0 && !f.optional {
			return &MappingError{Type: typ.String(), Column: f.column, Field: f.name, Problem: fmt.Sprintf(
				"field %s of %s has no column %q; the columns are %s: select it, or tag the field `e6:\"%s,optional\"` or `e6:\"-\"`",
				f.name, typeName(typ), f.column, quoted(columns), f.tag)}
		}
	}
	return nil
}

// mapNames checks that no two columns have the same name.
func (p *Plan) mapNames(columns []vector.Field) error {
	for i, c := range columns {
		if other := slices.Index(p.columns, c.Name); other >= 0 {
			return &MappingError{Type: p.typ.String(), Column: c.Name, Problem: fmt.Sprintf(
				"columns %d and %d are both named %q: rename one of them in the statement", other+1, i+1, c.Name)}
		}
		p.columns = append(p.columns, c.Name)
	}
	return nil
}

// typeName names a type in messages. The definition of a struct without a name is left out.
func typeName(typ reflect.Type) string {
	if typ.Kind() == reflect.Struct && typ.Name() == "" {
		return "struct{...}"
	}
	return typ.String()
}

// quoted lists the names of the first columns.
func quoted(columns []vector.Field) string {
	const most = 20
	var names []string
	for i, c := range columns {
		if i == most {
			names = append(names, fmt.Sprintf("and %d more", len(columns)-most))
			break
		}
		names = append(names, fmt.Sprintf("%q", c.Name))
	}
	return strings.Join(names, ", ")
}

// Decode sets *dest to the values of one row. dest is a pointer to a value of the plan's
// type. Fields without a column keep their values. After an error, some of the fields are
// set.
func (p *Plan) Decode(b *vector.Batch, row int, dest any) *ValueError {
	switch p.shape {
	case shapeValue:
		return p.assign(b, 0, row, dest, "")
	case shapeMap:
		p.decodeMap(b, row, reflect.ValueOf(dest).Elem())
		return nil
	}
	v := reflect.ValueOf(dest).Elem()
	if p.shape == shapePointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	for i := range p.fields {
		f := &p.fields[i]
		if err := p.assign(b, i, row, f.in(v).Addr().Interface(), f.name); err != nil {
			err.Field = typeName(v.Type()) + "." + f.name
			return err
		}
	}
	return nil
}

// assign copies the value of a column.
func (p *Plan) assign(b *vector.Batch, column, row int, dest any, field string) *ValueError {
	if err := Assign(b.Column(column), row, dest); err != nil {
		return &ValueError{Column: column, Row: row, Field: field, Dest: fmt.Sprintf("%T", dest), Err: err}
	}
	return nil
}

// decodeMap sets a map to the values of a row, as Column.Value returns them.
func (p *Plan) decodeMap(b *vector.Batch, row int, m reflect.Value) {
	values := make(map[string]any, len(p.columns))
	for i, name := range p.columns {
		values[name] = b.Column(i).Value(row)
	}
	m.Set(reflect.ValueOf(values).Convert(m.Type()))
}
