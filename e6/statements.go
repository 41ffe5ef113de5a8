package e6

import (
	"strings"

	"github.com/e6data/e6data-go/e6/internal/sqltext"
)

// Statements splits a script at its semicolons, which are those that stand in no
// literal, identifier or comment. The statements have no semicolon and no space
// around them; what is empty, or holds nothing but comments, is left out. The rest
// is what follows the last semicolon, as it is: the beginning of a statement, or
// nothing but space and comments, for which blank is set.
func Statements(script string) (statements []string, rest string, blank bool) {
	begin, blank := 0, true
	for t := range sqltext.Tokens(script) {
		switch {
		case t.Is(";"):
			if !blank {
				statements = append(statements, strings.TrimSpace(script[begin:t.Pos]))
			}
			begin, blank = t.Pos+len(t.Text), true
		case t.Kind != sqltext.Space && t.Kind != sqltext.Comment:
			blank = false
		}
	}
	return statements, script[begin:], blank
}
