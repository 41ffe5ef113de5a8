package e6

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/internal/exec"
	"github.com/e6data/e6data-go/e6/internal/hookcall"
	"github.com/e6data/e6data-go/e6/internal/settings"
	"github.com/e6data/e6data-go/e6/internal/wire"
)

// logging has the destination of a client's log records and their levels.
type logging struct {
	events slog.Handler // nil if events are not logged
	levels logLevels
	other  *slog.Logger                           // for records that are not about an event
	calls  func(context.Context, wire.CallRecord) // nil if calls are not logged
	// panicsToDefault is set if neither a logger nor a level is configured: panics then go
	// to slog.Default(), so that they are not hidden.
	panicsToDefault bool
}

// newLogging combines WithLogger, WithLogLevel and the Config. The levels of the options
// replace those of the Config. A client without a logger, but with a level, writes to out.
func newLogging(cfg Config, o *options, out io.Writer) logging {
	l := logging{other: slog.New(slog.DiscardHandler), panicsToDefault: o.logger == nil && cfg.LogLevel == nil}
	handler, own := slog.Handler(nil), false
	switch {
	case o.logger != nil:
		handler = o.logger.Handler()
	case isOff(cfg.LogLevel) && isOff(cfg.StrategyLogLevel) && isOff(cfg.GRPCLogLevel):
		return l
	default:
		handler, own = handlerOf(cfg.LogFormat, out), true
	}
	safe := safeHandler{handler}.WithAttrs(clusterAttrs(cfg))
	l.events, l.other = handler, slog.New(safe)
	if least := cfg.LogLevel; own || least != nil {
		if least == nil {
			least = settings.LevelOff // only the strategy or the calls are logged
		}
		l.levels.set(least, nil)
		l.other = slog.New(levelHandler{safe, least})
	}
	if cfg.StrategyLogLevel != nil {
		l.levels.set(cfg.StrategyLogLevel, []events.Component{events.ComponentStrategy})
	}
	for c, level := range o.logLevels {
		l.levels.set(level, []events.Component{c})
	}
	if !isOff(cfg.GRPCLogLevel) {
		l.calls = callLogger(levelHandler{safe, cfg.GRPCLogLevel})
	}
	return l
}

// clusterAttrs are the attributes that every record of a client has. Events have them too.
func clusterAttrs(cfg Config) []slog.Attr {
	attrs := []slog.Attr{slog.String("address", cfg.Address)}
	if cfg.ClusterName != "" {
		attrs = append(attrs, slog.String("cluster", cfg.ClusterName))
	}
	return attrs
}

// levelHandler leaves out the records below a level.
type levelHandler struct {
	slog.Handler
	least slog.Leveler
}

// Enabled implements slog.Handler.
func (h levelHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= h.least.Level() && h.Handler.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (h levelHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return levelHandler{h.Handler.WithAttrs(attrs), h.least}
}

// WithGroup implements slog.Handler.
func (h levelHandler) WithGroup(name string) slog.Handler {
	return levelHandler{h.Handler.WithGroup(name), h.least}
}

// safeHandler recovers the panics of a handler. A panic loses one record. Queries and the
// reports of other panics call it. A subscriber logs the events, so they do not need it.
type safeHandler struct{ slog.Handler }

// Enabled implements slog.Handler.
func (h safeHandler) Enabled(ctx context.Context, level slog.Level) (on bool) {
	defer func() { on = recover() == nil && on }()
	return h.Handler.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h safeHandler) Handle(ctx context.Context, r slog.Record) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the handler panicked: %s", hookcall.PanicDetail(p))
		}
	}()
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler. If the handler panics, the attributes are lost.
func (h safeHandler) WithAttrs(attrs []slog.Attr) (with slog.Handler) {
	with = h
	defer func() { _ = recover() }()
	return safeHandler{h.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler. If the handler panics, the group is lost.
func (h safeHandler) WithGroup(name string) (with slog.Handler) {
	with = h
	defer func() { _ = recover() }()
	return safeHandler{h.Handler.WithGroup(name)}
}

// callLogger logs calls to the cluster: a failed one at level warn, any other at level
// debug. No record has the content of a request or a response.
func callLogger(h slog.Handler) func(context.Context, wire.CallRecord) {
	log := slog.New(h)
	return func(ctx context.Context, r wire.CallRecord) {
		ctx = context.WithoutCancel(ctx)
		attrs := append(make([]slog.Attr, 0, 5), slog.String("component", "grpc"), slog.String("method", r.Method), slog.String("side", r.Side.String()),
			slog.Float64("took_ms", float64(r.Took.Round(time.Microsecond))/float64(time.Millisecond)))
		if r.Err == nil {
			log.LogAttrs(ctx, slog.LevelDebug, "call completed", attrs...)
			return
		}
		log.LogAttrs(ctx, slog.LevelWarn, "call failed", append(attrs, slog.String("error", exec.Brief(r.Err)))...)
	}
}
