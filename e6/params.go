package e6

import (
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"github.com/e6data/e6data-go/e6/internal/sqltext"
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
	// wants it, and reads the statement's own literals likewise. An engine that
	// knows backslash escapes would take \' for a quote that does not end the
	// literal: with values from outside, use it only with an engine that certainly
	// does not.
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

// A writer writes values into a statement, or leaves a question mark for one and
// keeps it for the server.
type writer interface {
	// write returns what stands in the statement for a value.
	write(v any) (string, error)
	// escaped returns what stands for ??.
	escaped() (string, error)
	// standard reports whether the statement is for an engine of standard SQL.
	standard() bool
}

// bind puts the values into a statement. Without values, the statement is taken
// as it is.
func bind(statement string, args []any, to writer) (string, error) {
	if len(args) == 0 {
		return statement, nil
	}
	p := params{to: to, used: make([]bool, len(args)), args: args, names: make(map[string]int)}
	if err := p.name(); err != nil {
		return "", err
	}
	bound, err := sqltext.Bind(statement, to.standard(), p.value)
	if errors.Is(err, sqltext.ErrComment) {
		return "", &ParamError{Param: "list", Problem: err.Error(), Err: err}
	}
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
	to    writer
	args  []any
	names map[string]int
	used  []bool
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

// value is what stands for a placeholder.
func (p *params) value(at sqltext.Placeholder) (string, error) {
	if at.Escaped {
		return p.to.escaped()
	}
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
	text, err := p.to.write(p.args[i])
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
