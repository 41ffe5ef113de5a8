// Package errtext creates errors whose text has the prefix of this module once, at its
// beginning, also if they wrap other errors of the module.
package errtext

import (
	"fmt"
	"strings"
)

// Prefix is the prefix of the text of every error of this module.
const Prefix = "e6: "

// Errorf is fmt.Errorf with Prefix before the text, and without it inside. errors.Is and
// errors.As find the errors that are wrapped with %w.
func Errorf(format string, args ...any) error { return &prefixed{fmt.Errorf(format, args...)} }

type prefixed struct{ err error }

// Error implements error.
func (p *prefixed) Error() string { return Once(p.err.Error()) }

// Unwrap returns the error without the prefix, which wraps the rest.
func (p *prefixed) Unwrap() error { return p.err }

// Once returns text with Prefix at its beginning, and without it in front of a wrapped
// error: after a colon, a semicolon or an opening parenthesis.
func Once(text string) string {
	text = strings.TrimPrefix(text, Prefix)
	for _, before := range []string{": ", "; ", "("} {
		text = strings.ReplaceAll(text, before+Prefix, before)
	}
	return Prefix + text
}

// Inner is the text of err as a part of another error: without Prefix.
func Inner(err error) string { return strings.TrimPrefix(Once(err.Error()), Prefix) }
