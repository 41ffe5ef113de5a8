package record

import (
	"fmt"
	"regexp"
	"time"

	"github.com/e6data/e6data-go/e6/recorder"
)

// layouts are the forms of a time. A fraction of a second may follow each that has seconds.
var layouts = []struct {
	layout string
	dated  bool
}{
	{time.RFC3339, true},
	{time.DateTime, true},
	{"2006-01-02T15:04:05", true},
	{"2006-01-02 15:04", true},
	{"2006-01-02T15:04", true},
	{time.DateOnly, true},
	{time.TimeOnly, false},
	{"15:04", false},
}

// When returns the first and the last instant of a time that a person has typed: a time
// with seconds means that second or that part of it, and any other time means an instant.
// A time of day is the last one in the recording; a duration counts back from its end.
func When(text string, r *recorder.Recording, zone *time.Location) (first, last time.Time, err error) {
	end := time.Now()
	if n := len(r.Entries); n > 0 {
		end = r.Entries[n-1].Time
	}
	end = end.In(zone)
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return end.Add(-ago), end.Add(-ago), nil
	}
	for _, l := range layouts {
		at, err := time.ParseInLocation(l.layout, text, zone)
		if err != nil {
			continue
		}
		if !l.dated {
			at = time.Date(end.Year(), end.Month(), end.Day(), at.Hour(), at.Minute(), at.Second(), at.Nanosecond(), zone)
			if at.After(end) {
				at = at.AddDate(0, 0, -1)
			}
		}
		return at, at.Add(typed(text) - 1), nil
	}
	return first, last, fmt.Errorf(`time %q: want a time of day such as 14:02 or 14:02:03.5, a date and a time such as "2030-01-31 14:02", RFC 3339, or a duration before the end such as 10m`, text)
}

var seconds = regexp.MustCompile(`:\d\d:\d\d(\.\d+)?`)

// typed is the length of the span that a time names.
func typed(text string) time.Duration {
	m := seconds.FindStringSubmatch(text)
	if m == nil {
		return 1
	}
	span := time.Second
	for range max(0, len(m[1])-1) {
		span /= 10
	}
	return max(span, 1)
}
