package e6

import (
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math"
	"slices"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/internal/settings"
)

// isOff reports whether a level is not set, or is off for ever. A *slog.LevelVar may be
// lowered later.
func isOff(l slog.Leveler) bool {
	level, constant := l.(slog.Level)
	return l == nil || constant && level >= settings.LevelOff
}

// logLevels are the minimum levels of components. A component without one has the level
// of the logger's handler.
type logLevels map[events.Component]slog.Leveler

// set sets the level of the components, or of all if none is named.
func (l *logLevels) set(level slog.Leveler, components []events.Component) {
	if *l == nil {
		*l = make(logLevels)
	}
	if len(components) == 0 {
		components = events.AllComponents()
	}
	for _, c := range components {
		(*l)[c] = level
	}
}

// allow reports whether the event has at least the level of its component.
func (l logLevels) allow(e events.Event) bool {
	least, ok := l[e.Component()]
	return !ok || e.Level() >= least.Level()
}

// problems lists the unknown components and the missing levels.
func (l logLevels) problems() (problems []Problem) {
	for _, c := range slices.Sorted(maps.Keys(l)) {
		if !slices.Contains(events.AllComponents(), c) {
			problems = append(problems, Problem{
				Field: "WithLogLevel", Value: string(c), Want: fmt.Sprintf("one of events.AllComponents(): %q", events.AllComponents()),
			})
		}
		if l[c] == nil || settings.MissingLevel(l[c]) {
			problems = append(problems, Problem{Field: "WithLogLevel", Value: fmt.Sprintf("%s: nil", c), Want: "a level, such as slog.LevelInfo"})
		}
	}
	return problems
}

// LogFormat is the format of the records that a client writes to the standard error.
type LogFormat uint8

// The formats.
const (
	// LogText is key=value, as slog.TextHandler writes it. This is the default.
	LogText LogFormat = iota
	// LogJSON is one JSON object per line, as slog.JSONHandler writes it.
	LogJSON
)

// String returns "text" or "json".
func (f LogFormat) String() string {
	switch f {
	case LogText:
		return "text"
	case LogJSON:
		return "json"
	}
	return "unknown"
}

// handler returns a handler that writes every record to out. The levels of the components
// are checked before it is called.
func (f LogFormat) handler(out io.Writer) slog.Handler {
	options := &slog.HandlerOptions{Level: slog.Level(math.MinInt)}
	if f == LogJSON {
		return slog.NewJSONHandler(out, options)
	}
	return slog.NewTextHandler(out, options)
}
