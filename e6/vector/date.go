package vector

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

const (
	microsPerSecond = 1_000_000
	secondsPerDay   = 86_400
	microsPerDay    = secondsPerDay * microsPerSecond
	// maxDays bounds the days of what a DATE can hold on the wire, which leaves
	// the arithmetic of package time far from its limits.
	maxDays = (1<<63-1)/microsPerDay + 1
)

// DateValue is a day of the proleptic Gregorian calendar, without a time of day
// or a zone. The zero value is 1970-01-01.
type DateValue struct {
	// Days counts from 1970-01-01 and is negative before.
	Days int64
}

// dateOf returns the day that a number of microseconds falls on.
func dateOf(micros int64) DateValue {
	days, _ := floorDiv(micros, microsPerDay)
	return DateValue{Days: days}
}

// Time returns the beginning of the day in UTC. It fails for days that no DATE
// on the wire can hold, some 292,000 years from 1970.
func (d DateValue) Time() (time.Time, error) {
	if d.Days < -maxDays || d.Days > maxDays {
		return time.Time{}, fmt.Errorf("vector: date of %d days from 1970 is out of range", d.Days)
	}
	return time.Unix(d.Days*secondsPerDay, 0).UTC(), nil
}

// String returns the day as 2026-02-12. Years beyond 9999 carry a plus sign, as
// the engine's JDBC driver prints them: +11756-12-31. Years before 0 carry a
// minus sign; 0 is the year before 1.
func (d DateValue) String() string {
	t, err := d.Time()
	if err != nil {
		return "days " + strconv.FormatInt(d.Days, 10)
	}
	return string(appendDate(nil, t))
}

// Scan implements sql.Scanner. It takes the day of a time.Time, and text as String
// writes it, with or without the plus sign.
func (d *DateValue) Scan(src any) error {
	switch v := src.(type) {
	case time.Time:
		year, month, day := v.Date()
		return d.set(year, int(month), day, v)
	case string:
		return d.UnmarshalText([]byte(v))
	case []byte:
		return d.UnmarshalText(v)
	}
	return fmt.Errorf("vector: a %T cannot be scanned into a DateValue", src)
}

// MarshalText implements encoding.TextMarshaler.
func (d DateValue) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler: it reads what String writes.
func (d *DateValue) UnmarshalText(text []byte) error {
	m := dateText.FindSubmatch(text)
	if m == nil {
		return fmt.Errorf("vector: %q is no date: want 2026-02-12", text)
	}
	var parts [3]int
	for i := range parts {
		n, err := strconv.Atoi(string(m[i+1]))
		if err != nil {
			return fmt.Errorf("vector: %q is no date: %w", text, err)
		}
		parts[i] = n
	}
	return d.set(parts[0], parts[1], parts[2], text)
}

var dateText = regexp.MustCompile(`^([+-]?[0-9]{4,6})-([0-9]{2})-([0-9]{2})$`)

// set sets the day, which must be one of the calendar.
func (d *DateValue) set(year, month, day int, src any) error {
	t := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if y, m, dd := t.Date(); y != year || int(m) != month || dd != day {
		return fmt.Errorf("vector: %q is no day of the calendar", src)
	}
	days, _ := floorDiv(t.Unix(), secondsPerDay)
	set := DateValue{Days: days}
	if _, err := set.Time(); err != nil {
		return err
	}
	*d = set
	return nil
}

func appendDate(dst []byte, t time.Time) []byte {
	year, month, day := t.Date()
	switch {
	case year < 0:
		dst = append(dst, '-')
		year = -year
	case year > 9999:
		dst = append(dst, '+')
	}
	dst = appendNumber(dst, year, 4)
	dst = append(dst, '-')
	dst = appendNumber(dst, int(month), 2)
	dst = append(dst, '-')
	return appendNumber(dst, day, 2)
}

// appendNumber appends a number that is not negative in at least width digits.
func appendNumber(dst []byte, n, width int) []byte {
	for limit := pow10(width - 1); n < limit && limit > 1; limit /= 10 {
		dst = append(dst, '0')
	}
	return strconv.AppendInt(dst, int64(n), 10)
}

func pow10(n int) int {
	p := 1
	for range n {
		p *= 10
	}
	return p
}

// floorDiv divides towards negative infinity, so that the remainder is never
// negative: the last microsecond of 1969 belongs to 1969.
func floorDiv(n, by int64) (quotient, remainder int64) {
	quotient, remainder = n/by, n%by
	if remainder < 0 {
		quotient--
		remainder += by
	}
	return quotient, remainder
}
