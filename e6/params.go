package e6

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/e6data/e6data-go/e6/internal/ctxerr"
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
	// wants it, and reads the statement's own literals likewise, except E'...'. An engine that
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
	// write writes what stands in the statement for a plain value.
	write(to *statement, plain any) error
	// escaped returns what stands for ??.
	escaped() (string, error)
	// standard reports whether the statement is for an engine of standard SQL.
	standard() bool
}

// bind puts the values into a statement, which may have up to limit bytes then. A
// statement without values is taken as it is: see unbound.
func bind(ctx context.Context, text string, args []any, to writer, limit int) (string, error) {
	out := &statement{ctx: ctx, limit: limit}
	if len(args) == 0 {
		return unbound(out, text, to)
	}
	p := params{to: to, used: make([]bool, len(args)), args: args, names: make(map[string]int)}
	if err := p.name(); err != nil {
		return "", err
	}
	for part, err := range sqltext.Split(text, p.rules()) {
		switch {
		case errors.Is(err, sqltext.ErrComment):
			return "", &ParamError{Param: "list", Problem: err.Error(), Err: err}
		case part.At != nil:
			err = p.value(out, *part.At)
		default:
			err = out.write(part.Text)
		}
		if err != nil {
			return "", err
		}
	}
	for i, used := range p.used {
		if !used {
			return "", &ParamError{Param: p.nameOf(i), Problem: "no placeholder uses it" + p.hint(text)}
		}
	}
	return out.text.String(), nil
}

// unbound returns a statement without values. Only a ? outside of literals,
// identifiers and comments is looked at: it has no value, and ?? stands for a question
// mark. Where dialects disagree on what a literal is, the text is left as it is.
func unbound(out *statement, text string, to writer) (string, error) {
	if err := out.reserve(len(text)); err != nil {
		return "", err
	}
	if !strings.Contains(text, "?") {
		return text, nil
	}
	marks := marksOf(text, false)
	if len(marks) == 0 || !slices.Equal(marks, marksOf(text, true)) {
		return text, nil
	}
	end := 0
	for _, at := range marks {
		if !at.Escaped {
			return "", &ParamError{Param: strconv.Itoa(at.Index + 1), Problem: fmt.Sprintf(
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

// marksOf returns the question marks of a statement that are placeholders or escaped,
// and none if it cannot be read to its end.
func marksOf(text string, standard bool) (marks []sqltext.Placeholder) {
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

// statement collects the text of a statement within its limit.
type statement struct {
	ctx   context.Context
	limit int
	text  strings.Builder
	// beside counts the bytes of values that go beside the text.
	beside int
}

// chunk is how much of a value is written before the context is looked at again.
const chunk = 64 << 10

// write writes text.
func (s *statement) write(text string) error {
	if err := s.reserve(len(text)); err != nil {
		return err
	}
	s.text.WriteString(text)
	return nil
}

// reserve fails if the caller has gone, or if so many more bytes are too many.
func (s *statement) reserve(more int) error { return s.check(s.text.Len() + more) }

// keep counts bytes that go beside the text.
func (s *statement) keep(more int) error {
	s.beside += more
	return s.check(s.beside)
}

// check looks at the context of a large statement only. A small one is bound at once, and
// the query that has it, with its hooks and its span, ends with the context.
func (s *statement) check(size int) error {
	if size > chunk && s.ctx.Err() != nil {
		return fmt.Errorf("e6: bind the arguments: %w", ctxerr.Cause(s.ctx))
	}
	if size > s.limit {
		return &ParamError{Param: "list", Problem: fmt.Sprintf("the statement has %d bytes or more, and Config.MaxSendBytes allows %d: "+
			"raise it, or put the values into a table and join with that", size, s.limit)}
	}
	return nil
}

// pieces calls f with each piece of a text, of chunk bytes at most, that is valid
// UTF-8.
func (s *statement) pieces(text string, f func(piece string) error) error {
	for len(text) > 0 {
		n := min(len(text), chunk)
		for back := 0; n < len(text) && back < utf8.UTFMax && !utf8.RuneStart(text[n]); back++ {
			n--
		}
		if !utf8.ValidString(text[:n]) {
			return refuse("the string is not valid UTF-8: give []byte for binary data")
		}
		if err := f(text[:n]); err != nil {
			return err
		}
		text = text[n:]
	}
	return nil
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
	own := false
	for i, arg := range p.args {
		named, ok := arg.(sql.NamedArg)
		if !ok {
			continue
		}
		if _, twice := p.names[named.Name]; twice {
			return &ParamError{Param: ":" + named.Name, Problem: "it is given twice"}
		}
		if !own {
			p.args, own = slices.Clone(p.args), true
		}
		p.names[named.Name] = i
		p.args[i] = named.Value
	}
	if n := len(p.names); n > 0 && n < len(p.args) {
		return &ParamError{Param: "list", Problem: fmt.Sprintf("%d of %d values have names: name all of them, or none", n, len(p.args))}
	}
	return nil
}

// rules are those of the statement's placeholders.
func (p *params) rules() sqltext.Rules {
	rules := sqltext.Rules{Standard: p.to.standard()}
	if len(p.names) > 0 {
		rules.Names = func(name string) bool { _, known := p.names[name]; return known }
	}
	return rules
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

// hint says what in a statement may have been meant for the placeholder of a value.
func (p *params) hint(text string) string {
	found, pos, quoted := sqltext.Foreign(text, p.to.standard())
	named := len(p.names) > 0
	own := strings.Trim(found, "'") // what is ours, but for the quotes
	switch ours := strings.HasPrefix(own, ":") || strings.HasPrefix(own, "@"); {
	case found == "":
		return ""
	case quoted:
		return fmt.Sprintf(": %s at byte %d is a text, and no placeholder: write %s without quotes", found, pos, p.spelling())
	case ours && !named && !isNumber(found[1:]):
		return fmt.Sprintf(": the statement has %s at byte %d, which stands for a value with a name: write ?, or give sql.Named(%q, ...)", found, pos, found[1:])
	case ours && named && !isNumber(found[1:]):
		return ""
	}
	return fmt.Sprintf(": the statement has %s at byte %d, which is no placeholder here: write %s", found, pos, p.spelling())
}

// spelling is how a placeholder is written.
func (p *params) spelling() string {
	for _, name := range slices.Sorted(maps.Keys(p.names)) {
		return ":" + name
	}
	return "?"
}

func isNumber(s string) bool { return strings.Trim(s, "0123456789") == "" }

// value writes what stands for a placeholder.
func (p *params) value(out *statement, at sqltext.Placeholder) error {
	if at.Escaped {
		mark, err := p.to.escaped()
		if err != nil {
			return err
		}
		return out.write(mark)
	}
	i := at.Index
	switch named := len(p.names) > 0; {
	case at.Name != "":
		known := false
		if i, known = p.names[at.Name]; !known {
			return &ParamError{Param: ":" + at.Name, Problem: fmt.Sprintf("the placeholder at byte %d has no value: give sql.Named(%q, ...)", at.Pos, at.Name)}
		}
	case named:
		return &ParamError{Param: strconv.Itoa(i + 1), Problem: fmt.Sprintf("the ? at byte %d has no name, and the values have: write ?? for a question mark", at.Pos)}
	case i >= len(p.args):
		return &ParamError{Param: strconv.Itoa(i + 1), Problem: fmt.Sprintf("the ? at byte %d has no value: there are %d", at.Pos, len(p.args))}
	}
	p.used[i] = true
	err := writeEach(out, p.args[i], p.to.write)
	if typed, ok := err.(*ParamError); ok {
		typed.Param = p.nameOf(i)
	}
	return err
}

func refuse(problem string, args ...any) error {
	return &ParamError{Problem: fmt.Sprintf(problem, args...)}
}
