package sqlvalue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/e6data/e6data-go/internal/sqltext"
)

// Escape is the style in which quotes and backslashes are escaped in a string literal. Its
// values are those of e6.Escape.
type Escape uint8

// The escape styles.
const (
	EscapeSafe      Escape = iota // doubles quotes and backslashes
	EscapeBackslash               // puts a backslash before quotes and backslashes
	EscapeStandard                // doubles quotes and keeps backslashes
)

// A Binder puts arguments into statements. It is immutable and safe for concurrent use.
type Binder struct {
	// Escape is how string literals are escaped, and how those of the statement are read.
	Escape Escape
	// Limit is the largest size of a bound statement, and of the values beside it, in bytes.
	Limit int
	// Beside sends arguments beside the statement where they have a form as a parameter of
	// the server.
	Beside bool
}

// Bound is a statement with its arguments.
type Bound struct {
	SQL string
	// Parameters are the arguments that are sent beside the statement, in the order of their
	// question marks.
	Parameters []Parameter
}

// BindError reports an argument or a placeholder that does not fit. It has the fields of
// e6.ParamError, to which it is converted.
type BindError struct {
	// Param is the name of the argument or placeholder with its colon, its position counted
	// from 1, or "list" for all of them.
	Param string
	// Problem is the defect and the correction.
	Problem string
	// Err is the cause, if there is one.
	Err error
}

// Error implements error.
func (e *BindError) Error() string {
	s := "e6: parameter " + e.Param + ": " + e.Problem
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *BindError) Unwrap() error { return e.Err }

// refuse is the error of an argument; the caller adds which one it is.
func refuse(problem string, args ...any) error {
	return &BindError{Problem: fmt.Sprintf(problem, args...)}
}

// valueWriter writes a value into a statement, or writes a question mark and keeps the
// value for the server.
type valueWriter interface {
	// write writes a normalized value: see normalizeArg.
	write(to *buffer, value any) error
	// escaped returns the text that replaces ??.
	escaped() (string, error)
	// standard reports whether string literals of the statement have no backslash escapes.
	standard() bool
}

// Bind replaces the placeholders of a statement by args. A statement without arguments is
// returned as it is, except for question marks: see bindNone. The error is a *BindError,
// or wraps that of the context, which is checked for large statements only.
func (b Binder) Bind(ctx context.Context, text string, args []any) (Bound, error) {
	literals := literals{b.Escape}
	if !b.Beside {
		bound, err := bind(ctx, text, args, literals, b.Limit)
		return Bound{SQL: bound}, err
	}
	beside := &parameters{literals: literals}
	bound, err := bind(ctx, text, args, beside, b.Limit)
	return Bound{SQL: bound, Parameters: beside.values}, err
}

// bind replaces the placeholders of a statement, which may have up to limit bytes then.
func bind(ctx context.Context, text string, args []any, to valueWriter, limit int) (string, error) {
	out := &buffer{ctx: ctx, limit: limit}
	if len(args) == 0 {
		return bindNone(out, text, to)
	}
	a := arguments{to: to, used: make([]bool, len(args)), values: args, names: make(map[string]int)}
	if err := a.readNames(); err != nil {
		return "", err
	}
	for part, err := range sqltext.Split(text, a.rules()) {
		switch {
		case errors.Is(err, sqltext.ErrComment):
			return "", &BindError{Param: "list", Problem: err.Error(), Err: err}
		case part.At != nil:
			err = a.write(out, *part.At)
		default:
			err = out.write(part.Text)
		}
		if err != nil {
			return "", err
		}
	}
	for i, used := range a.used {
		if !used {
			return "", &BindError{Param: a.nameOf(i), Problem: "no placeholder uses it" + a.hint(text)}
		}
	}
	return out.text.String(), nil
}

// bindNone returns a statement without arguments. A ? outside of literals, identifiers and
// comments is an error, because its argument is missing; ?? becomes a question mark. Where
// dialects disagree on what a literal is, the text is returned unchanged.
func bindNone(out *buffer, text string, to valueWriter) (string, error) {
	if err := out.reserve(len(text)); err != nil {
		return "", err
	}
	if !strings.Contains(text, "?") {
		return text, nil
	}
	marks := questionMarks(text, false)
	if len(marks) == 0 || !slices.Equal(marks, questionMarks(text, true)) {
		return text, nil
	}
	end := 0
	for _, at := range marks {
		if !at.Escaped {
			return "", &BindError{Param: strconv.Itoa(at.Index + 1), Problem: fmt.Sprintf(
				"the ? at byte %d has no value: the call has no arguments: give one, or write ?? for a question mark", at.Pos)}
		}
		mark, err := to.escaped()
		if err != nil {
			return "", err
		}
		out.text.WriteString(text[end:at.Pos] + mark)
		end = at.Pos + len("??")
	}
	return out.text.String() + text[end:], nil
}

// questionMarks returns the question marks of a statement that are placeholders or
// escaped. It returns none if the statement ends inside a literal or a comment.
func questionMarks(text string, standard bool) (marks []sqltext.Placeholder) {
	for part, err := range sqltext.Split(text, sqltext.Rules{Standard: standard}) {
		if err != nil {
			return nil
		}
		if part.At != nil {
			marks = append(marks, *part.At)
		}
	}
	if sqltext.Unfinished(text, standard) {
		return nil
	}
	return marks
}
