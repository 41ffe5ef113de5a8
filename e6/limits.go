package e6

import (
	"cmp"
	"fmt"
	"time"

	"github.com/e6data/e6data-go/e6/internal/settings"
)

const day = 24 * time.Hour

// limited is a field of a policy with its default and its limits.
type limited interface {
	fill()
	problems() []Problem
}

// limit is a limited field of type T. A field of zero stands for the default.
type limit[T cmp.Ordered] struct {
	name                   string
	at                     *T
	byDefault, least, most T
}

// fill sets the default unless the field is set.
func (l limit[T]) fill() {
	var zero T
	if *l.at == zero {
		*l.at = l.byDefault
	}
}

// problems reports a value that is not zero and not from least to most. NaN is such a value.
func (l limit[T]) problems() []Problem {
	var zero T
	if *l.at == zero || *l.at >= l.least && *l.at <= l.most {
		return nil
	}
	want := fmt.Sprintf("%s from %s to %s", kindOfLimit(*l.at), shownLimit(l.least), shownLimit(l.most))
	if l.byDefault != zero {
		want += fmt.Sprintf(", or 0 for the default (%s)", shownLimit(l.byDefault))
	}
	return []Problem{{Field: l.name, Value: shownLimit(*l.at), Want: want}}
}

func kindOfLimit(value any) string {
	if _, ok := value.(time.Duration); ok {
		return "a duration"
	}
	return "a number"
}

func shownLimit(value any) string {
	if d, ok := value.(time.Duration); ok {
		return settings.FormatDuration(d)
	}
	return fmt.Sprint(value)
}

// fillAll sets the defaults of fields that are not set.
func fillAll(fields []limited) {
	for _, f := range fields {
		f.fill()
	}
}

// problemsOfAll lists the fields whose values are out of their limits.
func problemsOfAll(fields []limited) (problems []Problem) {
	for _, f := range fields {
		problems = append(problems, f.problems()...)
	}
	return problems
}
