// Package errtext makes errors whose text names this module once, at its beginning,
// however many of its errors are wrapped in them.
package errtext

import (
	"fmt"
	"strings"
)

// Prefix begins the text of every error of this module.
const Prefix = "e6: "

// Errorf is fmt.Errorf with Prefix before the text, and without it inside. errors.Is and
// errors.As find what is wrapped with %w.
func Errorf(format string, args ...any) error { return &prefixed{fmt.Errorf(format, args...)} }

type prefixed struct{ err error }

// Error implements error.
func (p *prefixed) Error() string { return Once(p.err.Error()) }

// Unwrap returns the error without the prefix, which wraps the rest.
func (p *prefixed) Unwrap() error { return p.err }

// Once returns text with Prefix at its beginning and without it where an error was put
// into another one: behind a colon, a semicolon or an opening parenthesis.
func Once(text string) string {
	text = strings.TrimPrefix(text, Prefix)
	for _, before := range []string{": ", "; ", "("} {
		text = strings.ReplaceAll(text, before+Prefix, before)
	}
	return Prefix + text
}

// Inner is the text of err as a part of another error: without Prefix.
func Inner(err error) string { return strings.TrimPrefix(Once(err.Error()), Prefix) }
