package debug

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/e6data/e6data-go/internal/timeline"
)

// defaultSpan is the length of the window, and spanAll selects the whole recording.
const (
	defaultSpan = 5 * time.Minute
	spanAll     = "all"
	minSpan     = time.Second
	maxWidth    = 4000
	maxOffset   = 14 * 60
)

// query are the parameters of a request for a part of the recording.
type query struct {
	at    time.Time      // zero for the end of the recording
	span  time.Duration  // 0 for the whole recording
	width int            // in CSS pixels
	zone  *time.Location // of the texts
	east  int            // the minutes of the zone east of UTC
}

// parseQuery reads the parameters. The error names the first one that is not valid, and how to
// write it.
func parseQuery(raw string) (query, error) {
	q := query{span: defaultSpan, width: timeline.DefaultWidth, zone: time.UTC}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return q, fmt.Errorf("the query of the address is malformed: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if len(values[name]) > 1 {
			return q, fmt.Errorf("%s is given %d times: give it once", name, len(values[name]))
		}
		if err := q.set(name, values[name][0]); err != nil {
			return q, err
		}
	}
	return q, nil
}

func (q *query) set(name, text string) (err error) {
	ok := true
	var rule string
	switch name {
	case "at":
		rule = "a time in RFC 3339, such as 2030-01-31T14:02:00Z"
		q.at, err = time.Parse(time.RFC3339, text)
		ok = err == nil
	case "span":
		rule = "a duration of 1s or longer, such as 5m, or " + spanAll
		if q.span = 0; text != spanAll {
			q.span, err = time.ParseDuration(text)
			ok = err == nil && q.span >= minSpan
		}
	case "width":
		rule = fmt.Sprintf("a number of CSS pixels from %d to %d", timeline.MinWidth, maxWidth)
		q.width, err = strconv.Atoi(text)
		ok = err == nil && q.width >= timeline.MinWidth && q.width <= maxWidth
	case "offset":
		rule = fmt.Sprintf("the minutes of the time zone east of UTC, from -%d to %[1]d", maxOffset)
		q.east, err = strconv.Atoi(text)
		ok = err == nil && q.east >= -maxOffset && q.east <= maxOffset
		if ok && q.east != 0 {
			q.zone = time.FixedZone("", q.east*60)
		}
	default:
		return fmt.Errorf("there is no parameter %q: the parameters are at, span, width and offset", short(name))
	}
	if !ok {
		return fmt.Errorf("%s is %q: it must be %s", name, short(text), rule)
	}
	return nil
}

// short cuts off a text of the request.
func short(text string) string {
	const most = 60
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// A window is a part of a recording.
type window struct {
	from, to, at time.Time
	live         bool // at is the end of the recording
}

// window is the part of the recording that a query selects: the span before its end, or around
// a time. It is not longer than the recording.
func (s *snapshot) window(q query) window {
	w := window{from: s.first, to: s.now, at: q.at, live: q.at.IsZero() || !q.at.Before(s.now)}
	switch {
	case w.live:
		w.at = s.now
	case w.at.Before(s.first):
		w.at = s.first
	}
	if q.span == 0 || q.span >= s.now.Sub(s.first) {
		return w
	}
	w.to = w.at
	if !w.live {
		w.to = w.at.Add(q.span / 2)
	}
	if w.to.After(s.now) {
		w.to = s.now
	}
	if w.from = w.to.Add(-q.span); w.from.Before(s.first) {
		w.from, w.to = s.first, s.first.Add(q.span)
	}
	return w
}
