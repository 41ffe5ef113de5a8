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

// handlerOf returns a handler that writes every record to out, in the format of
// Config.LogFormat. The levels of the components are checked before it is called.
func handlerOf(format string, out io.Writer) slog.Handler {
	options := &slog.HandlerOptions{Level: slog.Level(math.MinInt)}
	if format == "json" {
		return slog.NewJSONHandler(out, options)
	}
	return slog.NewTextHandler(out, options)
}
