package timeline

import "time"

// A tick is a labelled line of the axis of time.
type tick struct {
	at    time.Time
	label string
}

// steps are the distances between ticks.
var steps = []time.Duration{
	time.Microsecond, 2 * time.Microsecond, 5 * time.Microsecond, 10 * time.Microsecond, 20 * time.Microsecond, 50 * time.Microsecond,
	100 * time.Microsecond, 200 * time.Microsecond, 500 * time.Microsecond,
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond, 50 * time.Millisecond,
	100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour,
	24 * time.Hour, 2 * 24 * time.Hour, 7 * 24 * time.Hour, 14 * 24 * time.Hour, 28 * 24 * time.Hour, 91 * 24 * time.Hour, 365 * 24 * time.Hour,
}

// ticks are the ticks of a window, at most that many, at round times of the zone.
func ticks(from, to time.Time, most int) (list []tick) {
	step := steps[len(steps)-1]
	for _, s := range steps {
		if to.Sub(from)/s < time.Duration(most) {
			step = s
			break
		}
	}
	_, offset := from.Zone()
	zone := time.Duration(offset) * time.Second
	at := from.Add(zone).Truncate(step).Add(-zone)
	for ; !at.After(to) && len(list) < most; at = at.Add(step) {
		if !at.Before(from) {
			list = append(list, tick{at, at.In(from.Location()).Format(layout(step))})
		}
	}
	return list
}

// layout is the form of a label with that distance between ticks.
func layout(step time.Duration) string {
	switch {
	case step >= 24*time.Hour:
		return time.DateOnly
	case step >= time.Minute:
		return "15:04"
	case step >= time.Second:
		return time.TimeOnly
	case step >= time.Millisecond:
		return "15:04:05.000"
	}
	return "04:05.000000"
}
