package e6

import "github.com/e6data/e6data-go/e6/fsm"

// Stats counts what happened to queries since the client was opened.
type Stats struct {
	// InFlight is the number of queries on each side now. One counts until the
	// server has been told to forget it, which is shortly after its end.
	InFlight map[Side]int64 `json:"in_flight"`
	// Waiting is the number of statements that wait for Config.MaxInFlight.
	Waiting int64 `json:"waiting"`
	// Retried counts repetitions of statements that had had no effect, Replayed
	// those of statements that were cut off.
	Retried  int64 `json:"retried"`
	Replayed int64 `json:"replayed"`
	// Continued counts those of the replays that began with the rows which the caller
	// had, so that it got the rest.
	Continued int64 `json:"continued"`
	// Lost counts the queries that ended in a *CutoverError.
	Lost int64 `json:"lost"`
	// Abandoned counts the queries that the server could not be told to forget,
	// as their side refused even that. The server ends them by itself.
	Abandoned int64 `json:"abandoned"`
	// Calls counts the calls to each side of every kind, and Refused those of
	// them that its ingress turned away with 456.
	Calls   map[Side]int64 `json:"calls"`
	Refused map[Side]int64 `json:"refused"`
	// Batches and Bytes count what was decoded of results from each side.
	Batches map[Side]int64 `json:"batches"`
	Bytes   map[Side]int64 `json:"bytes"`
	// Connections are the connections to the ingress, those for control calls first.
	Connections []ConnectionStats `json:"connections"`
	// StreamsWaiting is the number of calls that wait for a stream, as every connection
	// has as many calls as its server allows (see Config.MaxConnections).
	StreamsWaiting int64 `json:"streams_waiting"`
	// EventsDropped counts deliveries of events to subscribers whose queue was
	// full.
	EventsDropped uint64 `json:"events_dropped"`
	// SubscriberPanics counts calls of subscribers that panicked.
	SubscriberPanics uint64 `json:"subscriber_panics"`
}

// ConnectionStats is a connection to the ingress.
type ConnectionStats struct {
	// Use is "control" for logins, health probes, cancels, clears and the cluster
	// service; "query" for statements; "alone" for one statement whose response, or that
	// of another call beside it, has broken a connection before.
	Use string `json:"use"`
	// State is "idle", "connecting", "ready", "transient_failure" (no connection could be
	// made, and the next attempt comes within seconds) or "shutdown".
	State string `json:"state"`
	// Calls is the number of calls in flight, and Limit how many the server allows on
	// the connection: 0 if there is no limit, or if it is not known yet.
	Calls int64 `json:"calls"`
	Limit int64 `json:"limit"`
}

// Stats returns the counters.
func (c *Client) Stats() Stats {
	x, conn, route := c.exec.Stats(), c.exec.Transport(), c.exec.Router()
	s := Stats{
		InFlight: make(map[Side]int64), Calls: make(map[Side]int64), Refused: make(map[Side]int64),
		Batches: make(map[Side]int64), Bytes: make(map[Side]int64),
		Waiting: x.Waiting, Retried: x.Retried, Replayed: x.Replayed, Continued: x.Continued, Lost: x.Lost, Abandoned: x.Abandoned,
		StreamsWaiting: conn.Waiting(), EventsDropped: c.bus.Dropped(), SubscriberPanics: c.bus.Panics(),
	}
	for _, l := range conn.Links() {
		s.Connections = append(s.Connections, ConnectionStats{Use: l.Use.String(), State: l.State, Calls: l.Calls, Limit: l.Limit})
	}
	for _, side := range fsm.Sides {
		s.InFlight[side] = route.InFlight(side)
		s.Calls[side], s.Refused[side] = conn.Calls(side)
		s.Batches[side], s.Bytes[side] = x.Batches[side], x.Bytes[side]
	}
	return s
}
