package e6

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"math"
	"strings"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/internal/wire"
)

// LogLevel is the least level of what is logged.
type LogLevel uint8

// The levels. The zero LogLevel leaves it to something else: see Config.
const (
	LogDebug LogLevel = iota + 1
	LogInfo
	LogWarn
	LogError
	LogOff
)

var logLevelNames = [...]string{"", "debug", "info", "warn", "error", "off"}

// String returns the name in lower case, and nothing for the zero LogLevel.
func (l LogLevel) String() string {
	if int(l) < len(logLevelNames) {
		return logLevelNames[l]
	}
	return "unknown"
}

// ParseLogLevel returns the level of that name, in any case: debug, info, warn or
// warning, error or critical, off.
func ParseLogLevel(name string) (LogLevel, error) {
	switch lower := strings.ToLower(name); lower {
	case "warning":
		return LogWarn, nil
	case "critical":
		return LogError, nil
	default:
		for l := LogDebug; l <= LogOff; l++ {
			if lower == l.String() {
				return l, nil
			}
		}
	}
	return 0, fmt.Errorf("e6: %q is no log level: want %s", name, wantLogLevel)
}

const wantLogLevel = "debug, info, warn, error or off"

// slog is the level as package slog has it. Nothing is as loud as LogOff.
func (l LogLevel) slog() slog.Level {
	switch l {
	case LogDebug:
		return slog.LevelDebug
	case LogInfo:
		return slog.LevelInfo
	case LogWarn:
		return slog.LevelWarn
	case LogError:
		return slog.LevelError
	}
	return math.MaxInt
}

// LogFormat is how a record looks that the client writes itself.
type LogFormat uint8

// The formats.
const (
	// LogText is key=value, as slog.TextHandler writes it. This is the default.
	LogText LogFormat = iota
	// LogJSON is an object on a line, as slog.JSONHandler writes it.
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

// logging is where a client logs, and what.
type logging struct {
	events slog.Handler // nil if events are not logged
	silent bool         // there is no logger, and nobody has switched the log off
	levels logLevels
	other  *slog.Logger
	calls  func(context.Context, wire.CallRecord) // nil if calls are not logged
}

// newLogging puts the logging of a client together: that of WithLogger and
// WithLogLevel, and what the Config says, of which the options have the last word.
// A client that has no logger and is told a level logs to out.
func newLogging(cfg Config, o *options, out io.Writer) logging {
	l := logging{other: slog.New(slog.DiscardHandler)}
	handler, own := slog.Handler(nil), false
	switch {
	case o.logger != nil:
		handler = o.logger.Handler()
	case min(cfg.LogLevel.slog(), cfg.StrategyLogLevel.slog(), cfg.GRPCLogLevel.slog()) != LogOff.slog():
		handler, own = cfg.LogFormat.handler(out), true
	default:
		l.silent = cfg.LogLevel != LogOff
		return l
	}
	careful := steady{handler}
	l.events, l.other = handler, slog.New(careful)
	if own || cfg.LogLevel != 0 {
		l.levels.set(cfg.LogLevel.slog(), nil)
		l.other = slog.New(quieter{careful, cfg.LogLevel.slog()})
	}
	if cfg.StrategyLogLevel != 0 {
		l.levels.set(cfg.StrategyLogLevel.slog(), []events.Component{events.ComponentStrategy})
	}
	for c, level := range o.logLevels {
		l.levels.set(level, []events.Component{c})
	}
	if cfg.GRPCLogLevel != 0 {
		l.calls = callLogger(careful, cfg.GRPCLogLevel.slog())
	}
	return l
}

func (f LogFormat) handler(out io.Writer) slog.Handler {
	// What is logged is decided for each component, before the handler is asked.
	options := &slog.HandlerOptions{Level: slog.Level(math.MinInt)}
	if f == LogJSON {
		return slog.NewJSONHandler(out, options)
	}
	return slog.NewTextHandler(out, options)
}

// quieter is a handler that leaves out what is below a level.
type quieter struct {
	slog.Handler
	least slog.Level
}

// Enabled implements slog.Handler.
func (q quieter) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= q.least && q.Handler.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (q quieter) WithAttrs(attrs []slog.Attr) slog.Handler {
	return quieter{q.Handler.WithAttrs(attrs), q.least}
}

// WithGroup implements slog.Handler.
func (q quieter) WithGroup(name string) slog.Handler {
	return quieter{q.Handler.WithGroup(name), q.least}
}

// steady is a handler whose panics cost a record, and nothing else: it is called by
// queries, and by what reports another panic. Events are logged by a subscriber, whose
// panics are reported.
type steady struct{ slog.Handler }

// Enabled implements slog.Handler.
func (s steady) Enabled(ctx context.Context, level slog.Level) (on bool) {
	defer func() { on = recover() == nil && on }()
	return s.Handler.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (s steady) Handle(ctx context.Context, r slog.Record) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the handler panicked: %s", panicDetail(p))
		}
	}()
	return s.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (s steady) WithAttrs(attrs []slog.Attr) slog.Handler { return steady{s.Handler.WithAttrs(attrs)} }

// WithGroup implements slog.Handler.
func (s steady) WithGroup(name string) slog.Handler { return steady{s.Handler.WithGroup(name)} }

// callLogger logs calls: one that fails as a warning, any other for debugging. No
// record holds what was sent or answered.
func callLogger(h slog.Handler, least slog.Level) func(context.Context, wire.CallRecord) {
	return func(ctx context.Context, r wire.CallRecord) {
		level, message := slog.LevelDebug, "call "+r.Method+" on "+r.Side.String()
		if r.Err != nil {
			level, message = slog.LevelWarn, "call failed: "+brief(r.Err)
		}
		ctx = context.WithoutCancel(ctx)
		if level < least || !h.Enabled(ctx, level) {
			return
		}
		record := slog.NewRecord(time.Now(), level, message, 0)
		record.AddAttrs(slog.String("component", "grpc"), slog.String("method", r.Method), slog.String("side", r.Side.String()), slog.Duration("took", r.Took))
		if r.Err != nil {
			record.AddAttrs(slog.String("error", brief(r.Err)))
		}
		_ = h.Handle(ctx, record) // there is nowhere to tell it
	}
}
