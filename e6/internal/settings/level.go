package settings

import (
	"log/slog"
	"strings"
)

// LevelOff is the level "off". No record of a client has a level above slog.LevelError.
const LevelOff = slog.LevelError + 1

const wantLevel = "debug, info, warn, error or off"

// parseLevel parses the name of a level, in any case: the names of wantLevel, warning,
// critical, and the forms of package slog, such as INFO+2.
func parseLevel(name string) (level slog.Level, err error) {
	switch lower := strings.ToLower(name); lower {
	case "off":
		return LevelOff, nil
	case "warning":
		return slog.LevelWarn, nil
	case "critical":
		return slog.LevelError, nil
	}
	err = level.UnmarshalText([]byte(name))
	return level, err
}

// FormatLevel formats a level as the settings parse it.
func FormatLevel(level slog.Level) string {
	if level >= LevelOff {
		return "off"
	}
	return strings.ToLower(level.String())
}

// MissingLevel reports whether l is a nil *slog.LevelVar, which has no level.
func MissingLevel(l slog.Leveler) bool {
	v, ok := l.(*slog.LevelVar)
	return ok && v == nil
}
