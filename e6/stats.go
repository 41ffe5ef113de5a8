package e6

import "github.com/e6data/e6data-go/e6/fsm"

// Stats counts what happened to queries since the client was opened.
type Stats struct {
	// InFlight is the number of queries on each side now. A query counts until the client
	// has freed it on the server, which is shortly after its end.
	InFlight map[Side]int64 `json:"in_flight"`
	// Waiting is the number of statements that wait for Config.MaxInFlight.
	Waiting int64 `json:"waiting"`
	// Retried counts the retries of statements that had no effect. Replayed counts the
	// replays of statements that were cut off.
	Retried  int64 `json:"retried"`
	Replayed int64 `json:"replayed"`
	// Continued counts the replays that matched the rows which the caller already had, so
	// that it got the rows that follow.
	Continued int64 `json:"continued"`
	// Lost counts the queries that ended in a *CutoverError.
	Lost int64 `json:"lost"`
	// Abandoned counts the queries that the client could not free on the server, because
	// their side refused that call too. The server ends them by itself.
	Abandoned int64 `json:"abandoned"`
	// Calls counts all calls to each side. Refused counts the calls that its ingress
	// refused with 456.
	Calls   map[Side]int64 `json:"calls"`
	Refused map[Side]int64 `json:"refused"`
	// Batches and Bytes count the decoded batches of results from each side and their
	// encoded bytes.
	Batches map[Side]int64 `json:"batches"`
	Bytes   map[Side]int64 `json:"bytes"`
	// Connections are the connections to the ingress. Those for control calls come first.
	Connections []ConnectionStats `json:"connections"`
	// StreamsWaiting is the number of calls that wait for a stream, because every
	// connection has as many calls as its server allows (see Config.MaxConnections).
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
	// service; "query" for statements; "alone" for a single statement after its response,
	// or that of a concurrent call, has broken a connection.
	Use string `json:"use"`
	// State is "idle", "connecting", "ready", "transient_failure" (the connection failed,
	// and the next attempt follows within seconds) or "shutdown".
	State string `json:"state"`
	// Calls is the number of calls in flight. Limit is the number of calls that the server
	// allows on the connection: 0 if there is no limit, or if it is not known yet.
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
