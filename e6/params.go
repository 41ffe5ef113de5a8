package e6

import (
	"context"

	"github.com/e6data/e6data-go/e6/internal/sqlvalue"
)

// Escape is the style in which quotes and backslashes are escaped in a string literal.
type Escape uint8

// The escape styles of string literals.
const (
	// EscapeSafe doubles both. An engine with backslash escapes, as e6data, reads the value.
	// No engine reads the text as more than one literal, with backslash escapes or without
	// them. This is the default.
	EscapeSafe Escape = iota
	// EscapeBackslash puts a backslash before both, as the public Python connector does. An
	// engine without backslash escapes would read a quote in a value as the end of the
	// literal.
	EscapeBackslash
	// EscapeStandard doubles quotes and keeps backslashes, as standard SQL requires, and
	// reads the literals of the statement in the same way, except E'...'. An engine with
	// backslash escapes would not end the literal at \'. Use it for untrusted values only if
	// the engine has no backslash escapes.
	EscapeStandard
)

// ParamError reports an argument that cannot be bound to a placeholder, or a placeholder
// without an argument. Nothing was sent.
type ParamError struct {
	// Param is the placeholder or the argument: its name with a colon, its position counted
	// from 1, or "list" for all arguments.
	Param string
	// Problem is the defect and the correction.
	Problem string
	// Err is the cause, if there is one, such as the error of a driver.Valuer.
	Err error
}

// Error implements error.
func (e *ParamError) Error() string { return (*sqlvalue.BindError)(e).Error() }

// Unwrap returns the cause.
func (e *ParamError) Unwrap() error { return e.Err }

// bindArgs replaces the placeholders of a statement by args. Arguments are sent beside the
// statement if beside is set and they have such a form. The error is a *ParamError, or wraps
// that of the context.
func (c *Client) bindArgs(ctx context.Context, sql string, args []any, beside bool) (sqlvalue.Bound, error) {
	b := sqlvalue.Binder{Escape: sqlvalue.Escape(c.opts.escape), Limit: c.cfg.MaxSendBytes, Beside: beside}
	bound, err := b.Bind(ctx, sql, args)
	if wrong, ok := err.(*sqlvalue.BindError); ok {
		return bound, (*ParamError)(wrong)
	}
	return bound, err
}
