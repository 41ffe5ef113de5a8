package vector

import (
	"fmt"
	"strings"
	"sync"
	"time"
)

// TimestampValue is an instant and the zone in which the engine shows it. The
// zero value is the epoch, in UTC.
type TimestampValue struct {
	// Micros counts the microseconds since 1970-01-01T00:00:00Z and is negative
	// before.
	Micros int64
	// Zone is Z, UTC or GMT in any case, an offset such as +05:30, a name of the IANA
	// database such as Europe/Berlin, or empty, which is UTC. It is kept as the engine
	// sent it.
	Zone string
}

// Time returns the instant in its zone. It fails if the zone is not known: the
// text is none, or this machine's time zone database lacks it.
func (t TimestampValue) Time() (time.Time, error) {
	loc, err := location(t.Zone)
	if err != nil {
		return time.Time{}, err
	}
	return t.instant().In(loc), nil
}

func (t TimestampValue) instant() time.Time {
	seconds, micros := floorDiv(t.Micros, microsPerSecond)
	return time.Unix(seconds, micros*1000).UTC()
}

// Scan implements sql.Scanner. It takes a time.Time, cut to its microsecond, with
// the name of its zone if that is known, and its offset otherwise.
func (t *TimestampValue) Scan(src any) error {
	at, ok := src.(time.Time)
	if !ok {
		return fmt.Errorf("vector: a %T cannot be scanned into a TimestampValue", src)
	}
	at = at.Truncate(time.Microsecond)
	if !time.UnixMicro(at.UnixMicro()).Equal(at) {
		return fmt.Errorf("vector: the year %d is beyond what a timestamp holds", at.Year())
	}
	*t = TimestampValue{at.UnixMicro(), zoneOf(at)}
	return nil
}

// zoneOf is the zone of a time as the engine names zones.
func zoneOf(at time.Time) string {
	name := at.Location().String()
	_, offset := at.Zone()
	if loc, err := location(name); err == nil && loc != time.UTC {
		if _, there := at.In(loc).Zone(); there == offset {
			return name
		}
	}
	return string(appendOffset(nil, offset))
}

// String returns the instant in its zone, with microseconds and the offset that
// the zone has then: 2026-02-12T05:30:00.000000+05:30, or a Z for an offset of
// zero. Years are written as by DateValue.String. If the zone is not known, the
// instant is written in UTC and the zone's text behind it in brackets:
// 2026-02-12T00:00:00.000000Z[Mars/Base].
func (t TimestampValue) String() string { return string(t.appendText(nil)) }

func (t TimestampValue) appendText(dst []byte) []byte {
	at, err := t.Time()
	if err != nil {
		at = t.instant()
	}
	dst = appendDate(dst, at)
	hour, minute, second := at.Clock()
	dst = appendNumber(append(dst, 'T'), hour, 2)
	dst = appendNumber(append(dst, ':'), minute, 2)
	dst = appendNumber(append(dst, ':'), second, 2)
	dst = appendNumber(append(dst, '.'), at.Nanosecond()/1000, 6)
	_, offset := at.Zone()
	dst = appendOffset(dst, offset)
	if err != nil {
		dst = append(dst, '[')
		dst = append(dst, t.Zone...)
		dst = append(dst, ']')
	}
	return dst
}

// appendOffset appends Z, or an offset with its seconds if it has any, as local
// times before the introduction of standard time do.
func appendOffset(dst []byte, offset int) []byte {
	if offset == 0 {
		return append(dst, 'Z')
	}
	sign := byte('+')
	if offset < 0 {
		sign, offset = '-', -offset
	}
	dst = appendNumber(append(dst, sign), offset/3600, 2)
	dst = appendNumber(append(dst, ':'), offset/60%60, 2)
	if offset%60 != 0 {
		dst = appendNumber(append(dst, ':'), offset%60, 2)
	}
	return dst
}

// locations caches the zones of the time zone database, because a lookup reads a
// file. It holds zones of the database only, so no input can make it grow beyond
// that.
var locations sync.Map // of string to *time.Location

// location returns the zone of that name: UTC under its names in any case, an offset,
// which may follow UTC, GMT or UT as Java writes it, or a zone of the database.
func location(zone string) (*time.Location, error) {
	offset := zone
	for _, utc := range [...]string{"UTC", "GMT", "UT", "Z"} {
		if len(zone) >= len(utc) && strings.EqualFold(zone[:len(utc)], utc) {
			offset = zone[len(utc):]
			break
		}
	}
	if offset == "" {
		return time.UTC, nil
	}
	if offset[0] == '+' || offset[0] == '-' {
		switch seconds, ok := parseOffset(offset); {
		case ok && seconds == 0:
			return time.UTC, nil
		case ok:
			return time.FixedZone(zone, seconds), nil
		case offset == zone:
			return nil, fmt.Errorf("vector: zone %.60q: no offset of the form +hh:mm, or beyond 18 hours", zone)
		}
	}
	if loc, ok := locations.Load(zone); ok {
		return loc.(*time.Location), nil
	}
	if !isRegion(zone) {
		return nil, fmt.Errorf("vector: zone %.60q names no zone", zone)
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return nil, fmt.Errorf("vector: zone %.60q is not known; it may be missing from this machine's time zone database: %w", zone, err)
	}
	// The name may be a view of an input, which the map must not keep alive.
	locations.Store(strings.Clone(zone), loc)
	return loc, nil
}

// isRegion reports whether a name may be one of the IANA database. Some files beside
// its zones are none of the engine's: Local and localtime are the zone of this machine,
// posixrules and Factory are defaults of its programs, and what lies below right counts
// leap seconds. A name is compared in any case, as some file systems do.
func isRegion(zone string) bool {
	if strings.Trim(zone, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/") != "" {
		return false // no name, and no path that leads out of the database
	}
	first, _, _ := strings.Cut(zone, "/")
	last := zone[strings.LastIndexByte(zone, '/')+1:]
	if strings.EqualFold(first, "right") || first == "" || last == "" || strings.Contains(zone, "//") {
		return false // one zone has one name, so that the cache stays small
	}
	for _, other := range [...]string{"Local", "localtime", "posixrules", "Factory"} {
		if strings.EqualFold(last, other) {
			return false
		}
	}
	return true
}

// parseOffset reads +hh, +hhmm, +hh:mm or +hh:mm:ss as seconds east of UTC.
func parseOffset(zone string) (int, bool) {
	digits := strings.ReplaceAll(zone[1:], ":", "")
	switch len(zone) {
	case len("+hh"), len("+hhmm"):
		if len(digits) != len(zone)-1 {
			return 0, false
		}
	case len("+hh:mm"):
		if zone[3] != ':' {
			return 0, false
		}
	case len("+hh:mm:ss"):
		if zone[3] != ':' || zone[6] != ':' {
			return 0, false
		}
	default:
		return 0, false
	}
	if len(digits)%2 != 0 {
		return 0, false
	}
	var parts [3]int
	for i := range len(digits) {
		d := digits[i] - '0'
		if d > 9 {
			return 0, false
		}
		parts[i/2] = parts[i/2]*10 + int(d)
	}
	seconds := parts[0]*3600 + parts[1]*60 + parts[2]
	if parts[1] > 59 || parts[2] > 59 || seconds > 18*3600 {
		return 0, false
	}
	if zone[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
}
