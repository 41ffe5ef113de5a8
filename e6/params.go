package e6

import (
	"database/sql"
	"database/sql/driver"
	"encoding/hex"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/e6data/e6data-go/e6/internal/sqltext"
	"github.com/e6data/e6data-go/e6/vector"
)

// Escape says how a quote and a backslash are written in a string literal.
type Escape uint8

// The ways to escape.
const (
	// EscapeSafe doubles both. An engine that knows backslash escapes, as e6data
	// does, reads the value; no engine can be made to read anything but a
	// literal, whether it knows backslash escapes or not. This is the default.
	EscapeSafe Escape = iota
	// EscapeBackslash puts a backslash before both, as the public Python
	// connector does. An engine that knows no backslash escapes would read a
	// quote in a value as the end of the literal.
	EscapeBackslash
	// EscapeStandard doubles quotes and leaves backslashes alone, as standard SQL
	// wants it. An engine that knows backslash escapes would read \' as a quote
	// that does not end the literal: with values from outside, use it only with
	// an engine that certainly does not.
	EscapeStandard
)

// ParamError reports a value that cannot stand for a placeholder, or a
// placeholder without a value. Nothing was sent.
type ParamError struct {
	// Param is the placeholder or the value: its name, or its place counted
	// from 1.
	Param string
	// Problem says what is wrong and what would be right.
	Problem string
	// Err is the cause, if there is one.
	Err error
}

// Error implements error.
func (e *ParamError) Error() string {
	s := "e6: parameter " + e.Param + ": " + e.Problem
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *ParamError) Unwrap() error { return e.Err }

// bind puts the values into a statement. Without values, the statement is taken
// as it is.
func bind(statement string, args []any, escape Escape) (string, error) {
	if len(args) == 0 {
		return statement, nil
	}
	p := params{escape: escape, used: make([]bool, len(args)), args: args, names: make(map[string]int)}
	if err := p.name(); err != nil {
		return "", err
	}
	bound, err := sqltext.Bind(statement, p.value)
	if err != nil {
		return "", err
	}
	for i, used := range p.used {
		if !used {
			return "", &ParamError{Param: p.nameOf(i), Problem: "no placeholder uses it"}
		}
	}
	return bound, nil
}

// params are the values for one statement: all of them named, or none.
type params struct {
	escape Escape
	args   []any
	names  map[string]int
	used   []bool
}

// name finds the names of the values.
func (p *params) name() error {
	for i, arg := range p.args {
		named, ok := arg.(sql.NamedArg)
		if !ok {
			continue
		}
		if _, twice := p.names[named.Name]; twice {
			return &ParamError{Param: ":" + named.Name, Problem: "it is given twice"}
		}
		p.names[named.Name] = i
		p.args = append(p.args[:i:i], append([]any{named.Value}, p.args[i+1:]...)...)
	}
	if n := len(p.names); n > 0 && n < len(p.args) {
		return &ParamError{Param: "list", Problem: fmt.Sprintf("%d of %d values have names: name all of them, or none", n, len(p.args))}
	}
	return nil
}

// nameOf names a value in messages.
func (p *params) nameOf(i int) string {
	for name, at := range p.names {
		if at == i {
			return ":" + name
		}
	}
	return strconv.Itoa(i + 1)
}

// value is the literal for a placeholder.
func (p *params) value(at sqltext.Placeholder) (string, error) {
	i := at.Index
	switch named := len(p.names) > 0; {
	case at.Name != "":
		known := false
		if i, known = p.names[at.Name]; !known {
			return "", &ParamError{Param: ":" + at.Name, Problem: fmt.Sprintf("the placeholder at byte %d has no value: give sql.Named(%q, ...)", at.Pos, at.Name)}
		}
	case named:
		return "", &ParamError{Param: strconv.Itoa(i + 1), Problem: fmt.Sprintf("the ? at byte %d has no name, and the values have: write ?? for a question mark", at.Pos)}
	case i >= len(p.args):
		return "", &ParamError{Param: strconv.Itoa(i + 1), Problem: fmt.Sprintf("the ? at byte %d has no value: there are %d", at.Pos, len(p.args))}
	}
	p.used[i] = true
	text, err := literal(p.args[i], p.escape)
	if err != nil {
		if typed, ok := err.(*ParamError); ok {
			typed.Param = p.nameOf(i)
		}
		return "", err
	}
	return text, nil
}

func refuse(problem string, args ...any) error {
	return &ParamError{Problem: fmt.Sprintf(problem, args...)}
}

// literal writes a value as SQL. What begins with a minus is put into
// parentheses, as two of them would begin a comment.
func literal(v any, escape Escape) (string, error) {
	switch v := v.(type) {
	case nil:
		return "NULL", nil
	case bool:
		return strings.ToUpper(strconv.FormatBool(v)), nil
	case string:
		return stringLiteral(v, escape)
	case []byte:
		if v == nil {
			return "NULL", nil
		}
		return "X'" + hex.EncodeToString(v) + "'", nil
	case time.Time:
		return timeLiteral(v)
	case vector.Decimal:
		return signed(v.String()), nil
	case vector.DateValue:
		return "CAST('" + v.String() + "' AS DATE)", nil
	case driver.Valuer:
		if isNil(v) {
			return "NULL", nil
		}
		inner, err := v.Value()
		if err != nil {
			return "", &ParamError{Problem: fmt.Sprintf("the Value method of %T failed", v), Err: err}
		}
		if _, again := inner.(driver.Valuer); again {
			return "", refuse("the Value method of %T returned another driver.Valuer", v)
		}
		return literal(inner, escape)
	}
	return reflectLiteral(reflect.ValueOf(v), escape)
}

// reflectLiteral writes values of types that are made of the basic ones.
func reflectLiteral(v reflect.Value, escape Escape) (string, error) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return "NULL", nil
		}
		return literal(v.Elem().Interface(), escape)
	case reflect.Bool:
		return literal(v.Bool(), escape)
	case reflect.String:
		return literal(v.String(), escape)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return signed(strconv.FormatInt(v.Int(), 10)), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.FormatUint(v.Uint(), 10), nil
	case reflect.Float32:
		return floatLiteral(v.Float(), 32), nil
	case reflect.Float64:
		return floatLiteral(v.Float(), 64), nil
	case reflect.Slice, reflect.Array:
		return listLiteral(v, escape)
	}
	return "", refuse("a %s cannot be written as SQL: give a number, a string, a bool, []byte, time.Time, a decimal, a slice of these, or a driver.Valuer", v.Type())
}

// listLiteral writes the values of a slice for IN (?). One that is empty is
// NULL, which nothing is in.
func listLiteral(v reflect.Value, escape Escape) (string, error) {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		b := make([]byte, v.Len())
		reflect.Copy(reflect.ValueOf(b), v)
		return literal(b, escape)
	}
	if v.Len() == 0 {
		return "NULL", nil
	}
	parts := make([]string, v.Len())
	for i := range parts {
		e := v.Index(i)
		for e.Kind() == reflect.Interface && !e.IsNil() {
			e = e.Elem()
		}
		if k := e.Kind(); (k == reflect.Slice || k == reflect.Array) && e.Type().Elem().Kind() != reflect.Uint8 {
			return "", refuse("a slice of slices cannot be written as SQL")
		}
		var err error
		if parts[i], err = literal(v.Index(i).Interface(), escape); err != nil {
			return "", err
		}
	}
	return strings.Join(parts, ", "), nil
}

func stringLiteral(s string, escape Escape) (string, error) {
	if !utf8.ValidString(s) {
		return "", refuse("the string is not valid UTF-8: give []byte for binary data")
	}
	if strings.ContainsRune(s, 0) {
		return "", refuse("the string holds a NUL character, which no engine reads in a literal")
	}
	switch escape {
	case EscapeBackslash:
		return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'", nil
	case EscapeStandard:
		return "'" + strings.ReplaceAll(s, `'`, `''`) + "'", nil
	}
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`).Replace(s) + "'", nil
}

// timeLiteral writes a point in time as the engine's timestamps are: in UTC, and
// in whole microseconds, down to which it is cut.
func timeLiteral(t time.Time) (string, error) {
	t = t.UTC().Truncate(time.Microsecond)
	if t.Year() < 1 || t.Year() > 9999 {
		return "", refuse("the year %d cannot be written as a timestamp: it must be from 1 to 9999", t.Year())
	}
	return "CAST('" + t.Format("2006-01-02 15:04:05.000000") + "' AS TIMESTAMP)", nil
}

// floatLiteral writes a float in scientific notation, which makes it a double
// and no decimal.
func floatLiteral(f float64, bits int) string {
	switch {
	case math.IsNaN(f):
		return "CAST('NaN' AS DOUBLE)"
	case math.IsInf(f, 0):
		return "CAST('" + map[bool]string{true: "Infinity", false: "-Infinity"}[f > 0] + "' AS DOUBLE)"
	}
	return signed(strconv.FormatFloat(f, 'E', -1, bits))
}

func signed(number string) string {
	if strings.HasPrefix(number, "-") {
		return "(" + number + ")"
	}
	return number
}
