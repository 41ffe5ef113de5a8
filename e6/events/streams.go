package events

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// KindStreamsExhausted is the kind of StreamsExhausted.
const KindStreamsExhausted Kind = "streams_exhausted"

// StreamsExhausted: calls wait for a stream, because every connection has as many calls as its
// server allows. It is published when at least one call has waited for 1 second without a break,
// each time that wait has doubled, and then when no call waits any longer.
type StreamsExhausted struct {
	// Use is the purpose of the calls: query (those of statements), control (authentications,
	// health probes and cluster status) or cleanup (calls that free resources on the server).
	Use string
	// Waited is the time for which at least one call has waited without a break. The wait of
	// each call may be shorter.
	Waited time.Duration
	// Waiting is the number of calls that wait, and MostWaiting the largest number in this time.
	Waiting, MostWaiting int
	// Connections is the number of connections for these calls, and MaxConnections its
	// limit: e6.Config.MaxConnections for the calls of statements.
	Connections, MaxConnections int
	// StreamLimit is the limit of the server on the streams of a connection, and 0 if it is
	// not known.
	StreamLimit int64
	// Ended is set when no call waits any longer.
	Ended bool
}

// String describes the event in one line.
func (d StreamsExhausted) String() string {
	if d.Ended {
		return fmt.Sprintf("no %s call waits for a stream any longer, after %s with up to %d of them", d.Use, short(d.Waited), d.MostWaiting)
	}
	return fmt.Sprintf("%s calls have waited for a stream for %s, now %d of them: %d connections of at most %d have no free stream",
		d.Use, short(d.Waited), d.Waiting, d.Connections, d.MaxConnections)
}

func (d StreamsExhausted) attrs(a *attrs) {
	a.text("use", d.Use)
	a.ms("waited_ms", d.Waited)
	a.add(
		slog.Int("waiting", d.Waiting), slog.Int("most_waiting", d.MostWaiting),
		slog.Int("connections", d.Connections), slog.Int("max_connections", d.MaxConnections),
		slog.Int64("stream_limit", d.StreamLimit), slog.Bool("ended", d.Ended),
	)
}

func (StreamsExhausted) sides() sideSet { return 0 }

func (d StreamsExhausted) level(fsm.Reason) slog.Level { return warnIf(!d.Ended) }
