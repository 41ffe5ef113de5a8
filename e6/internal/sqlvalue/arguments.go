package sqlvalue

import (
	"database/sql"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/e6data/e6data-go/internal/sqltext"
)

// arguments are the values of one statement: all of them have names, or none has.
type arguments struct {
	to     valueWriter
	values []any
	names  map[string]int // the index of each name
	used   []bool
}

// readNames takes the names from arguments that sql.Named has made.
func (a *arguments) readNames() error {
	own := false
	for i, arg := range a.values {
		named, ok := arg.(sql.NamedArg)
		if !ok {
			continue
		}
		if _, twice := a.names[named.Name]; twice {
			return &BindError{Param: ":" + named.Name, Problem: "it is given twice"}
		}
		if !own {
			a.values, own = slices.Clone(a.values), true
		}
		a.names[named.Name] = i
		a.values[i] = named.Value
	}
	if n := len(a.names); n > 0 && n < len(a.values) {
		return &BindError{Param: "list", Problem: fmt.Sprintf("%d of %d values have names: name all of them, or none", n, len(a.values))}
	}
	return nil
}

// rules returns which placeholders the statement may have.
func (a *arguments) rules() sqltext.Rules {
	rules := sqltext.Rules{Standard: a.to.standard()}
	if len(a.names) > 0 {
		rules.Names = func(name string) bool { _, known := a.names[name]; return known }
	}
	return rules
}

// nameOf names an argument in messages.
func (a *arguments) nameOf(i int) string {
	for name, at := range a.names {
		if at == i {
			return ":" + name
		}
	}
	return strconv.Itoa(i + 1)
}

// hint names the text of the statement that was probably meant as a placeholder, such as
// $1 or %s.
func (a *arguments) hint(text string) string {
	found, pos, quoted := sqltext.Foreign(text, a.to.standard())
	named := len(a.names) > 0
	unquoted := strings.Trim(found, "'")
	switch byName := strings.HasPrefix(unquoted, ":") || strings.HasPrefix(unquoted, "@"); {
	case found == "":
		return ""
	case quoted:
		return fmt.Sprintf(": %s at byte %d is a text, and no placeholder: write %s without quotes", found, pos, a.placeholder())
	case byName && !named && !isNumber(found[1:]):
		return fmt.Sprintf(": the statement has %s at byte %d, which stands for a value with a name: write ?, or give sql.Named(%q, ...)", found, pos, found[1:])
	case byName && named && !isNumber(found[1:]):
		return ""
	}
	return fmt.Sprintf(": the statement has %s at byte %d, which is no placeholder here: write %s", found, pos, a.placeholder())
}

// placeholder returns an example of a placeholder that would be found.
func (a *arguments) placeholder() string {
	for _, name := range slices.Sorted(maps.Keys(a.names)) {
		return ":" + name
	}
	return "?"
}

func isNumber(s string) bool { return strings.Trim(s, "0123456789") == "" }

// write writes the value of a placeholder.
func (a *arguments) write(out *buffer, at sqltext.Placeholder) error {
	if at.Escaped {
		mark, err := a.to.escaped()
		if err != nil {
			return err
		}
		return out.write(mark)
	}
	i := at.Index
	switch named := len(a.names) > 0; {
	case at.Name != "":
		known := false
		if i, known = a.names[at.Name]; !known {
			return &BindError{Param: ":" + at.Name, Problem: fmt.Sprintf("the placeholder at byte %d has no value: give sql.Named(%q, ...)", at.Pos, at.Name)}
		}
	case named:
		return &BindError{Param: strconv.Itoa(i + 1), Problem: fmt.Sprintf("the ? at byte %d has no name, and the values have: write ?? for a question mark", at.Pos)}
	case i >= len(a.values):
		return &BindError{Param: strconv.Itoa(i + 1), Problem: fmt.Sprintf("the ? at byte %d has no value: there are %d", at.Pos, len(a.values))}
	}
	a.used[i] = true
	err := writeArg(out, a.values[i], a.to.write)
	if typed, ok := err.(*BindError); ok {
		typed.Param = a.nameOf(i)
	}
	return err
}
