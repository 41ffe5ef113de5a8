package e6otel

import (
	"slices"

	"go.opentelemetry.io/otel/attribute"
)

// Kind is the kind of an instrument.
type Kind string

// The kinds.
const (
	KindCounter           Kind = "Counter"
	KindHistogram         Kind = "Histogram"
	KindObservableCounter Kind = "ObservableCounter"
	KindObservableGauge   Kind = "ObservableGauge"
)

// Metric is the declaration of a metric.
type Metric struct {
	// Name is the name of the instrument.
	Name string
	// Kind is its kind.
	Kind Kind
	// Unit is its unit, in the notation of UCUM. The values of a metric in
	// seconds are floating-point numbers, all others are whole.
	Unit string
	// Description says what it counts or measures.
	Description string
	// Attributes are the keys that every point has, besides those of
	// WithAttributes, and Optional those that some points have.
	Attributes, Optional []string
	// Buckets are the upper bounds of a histogram's buckets.
	Buckets []float64
}

// The names of the metrics.
const (
	nameOperation     = "db.client.operation.duration"
	nameRows          = "db.client.response.returned_rows"
	nameState         = "e6.client.state"
	nameInFlight      = "e6.client.queries.in_flight"
	nameTransitions   = "e6.client.transitions"
	nameCutovers      = "e6.client.cutovers"
	nameAttempts      = "e6.client.cutover.attempts"
	nameCutover       = "e6.client.cutover.duration"
	nameCutoverAge    = "e6.client.cutover.age"
	nameCutoverLimit  = "e6.client.cutover.limit"
	namePrewarm       = "e6.client.prewarm.duration"
	nameRequests      = "e6.client.requests"
	nameRefusals      = "e6.client.refusals"
	nameRetried       = "e6.client.queries.retried"
	nameReplayed      = "e6.client.queries.replayed"
	nameContinued     = "e6.client.queries.continued"
	nameLost          = "e6.client.queries.lost"
	nameAbandoned     = "e6.client.queries.abandoned"
	nameRollbacks     = "e6.client.rollbacks"
	nameVetoes        = "e6.client.vetoes"
	nameDetections    = "e6.client.detections"
	nameDetection     = "e6.client.detection.duration"
	nameLogins        = "e6.client.authentications"
	nameLogin         = "e6.client.authentication.duration"
	nameResumes       = "e6.client.resumes"
	nameBatches       = "e6.client.decoded.batches"
	nameBytes         = "e6.client.decoded.bytes"
	nameConnections   = "e6.client.connections"
	nameStreamsWait   = "e6.client.streams.waiting"
	nameEventsDropped = "e6.client.events.dropped"
	namePanics        = "e6.client.subscribers.panicked"
	nameHooksFailed   = "e6.client.hooks.failed"
)

var (
	// calls are the buckets that the conventions give for database calls.
	calls = []float64{0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10}
	// changes are for what takes from a moment to the limits of a cutover.
	changes = []float64{0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600}
	rows    = []float64{1, 2, 5, 10, 50, 100, 500, 1000, 5000, 10000}
)

// table declares every metric, once. The instruments are made from it.
var table = []Metric{
	{Name: nameOperation, Kind: KindHistogram, Unit: "s", Buckets: calls,
		Description: "How long statements took, with the caller's own reading.",
		Attributes:  keys(keySystem, keyOperation, keySide), Optional: keys(keyNamespace, keyError)},
	{Name: nameRows, Kind: KindHistogram, Unit: "{row}", Buckets: rows,
		Description: "How many rows statements returned that did not fail.",
		Attributes:  keys(keySystem, keyOperation, keySide), Optional: keys(keyNamespace)},
	{Name: nameState, Kind: KindObservableGauge, Unit: "{client}",
		Description: "How many clients are in the state: for one client 1 for its state and 0 for the others.", Attributes: keys(keyState)},
	{Name: nameInFlight, Kind: KindObservableGauge, Unit: "{query}",
		Description: "Queries that run on the side now.", Attributes: keys(keySide)},
	{Name: nameTransitions, Kind: KindCounter, Unit: "{transition}",
		Description: "Steps of the strategy machine.", Attributes: keys(keyEvent, keyCause)},
	{Name: nameCutovers, Kind: KindCounter, Unit: "{cutover}",
		Description: "Changes of the active side, of every kind.", Attributes: keys(keyKind, keyCause, keyFrom, keyTo)},
	{Name: nameAttempts, Kind: KindCounter, Unit: "{attempt}",
		Description: "Transitions from side to side that have ended, whether or not the target accepted.",
		Attributes:  keys(keyCause, keyResult, keyFrom, keyTo)},
	{Name: nameCutover, Kind: KindHistogram, Unit: "s", Buckets: changes,
		Description: "How long cutovers took, from the first sign to the end of the drain.", Attributes: keys(keyKind, keyCause, keyResult)},
	{Name: nameCutoverAge, Kind: KindObservableGauge, Unit: "s",
		Description: "How long ago the transition began that is under way; 0 if there is none."},
	{Name: nameCutoverLimit, Kind: KindObservableGauge, Unit: "s",
		Description: "How long the transition that is under way may take at the most; 0 if there is none."},
	{Name: namePrewarm, Kind: KindHistogram, Unit: "s", Buckets: changes,
		Description: "How long it took from the announcement until the target was active."},
	{Name: nameRequests, Kind: KindObservableCounter, Unit: "{call}",
		Description: "Calls of every kind to the side.", Attributes: keys(keySide)},
	{Name: nameRefusals, Kind: KindObservableCounter, Unit: "{call}",
		Description: "Calls that the side's ingress turned away with 456.", Attributes: keys(keySide)},
	{Name: nameRetried, Kind: KindCounter, Unit: "{query}",
		Description: "Statements without an effect that began anew; the side is the one that they left.", Attributes: keys(keySide)},
	{Name: nameReplayed, Kind: KindCounter, Unit: "{query}",
		Description: "Queries that were cut off and run again; the side is the one that they left.", Attributes: keys(keySide)},
	{Name: nameContinued, Kind: KindCounter, Unit: "{query}",
		Description: "Replays that had the rows which the caller had, and went on behind them; the side is the one that they left.", Attributes: keys(keySide)},
	{Name: nameLost, Kind: KindCounter, Unit: "{query}",
		Description: "Queries that were cut off and could not be saved.", Attributes: keys(keySide)},
	{Name: nameAbandoned, Kind: KindCounter, Unit: "{query}",
		Description: "Queries that the server could not be told to forget.", Attributes: keys(keySide)},
	{Name: nameRollbacks, Kind: KindCounter, Unit: "{rollback}",
		Description: "Ways back to the old side, by the health policy, the caller or the fleet.", Attributes: keys(keyCause)},
	{Name: nameVetoes, Kind: KindCounter, Unit: "{veto}",
		Description: "Vetoes of guards that counted."},
	{Name: nameDetections, Kind: KindCounter, Unit: "{detection}",
		Description: "Searches for a side that accepts, found or failed.", Attributes: keys(keyCause, keyResult)},
	{Name: nameDetection, Kind: KindHistogram, Unit: "s", Buckets: calls,
		Description: "How long the searches took.", Attributes: keys(keyResult)},
	{Name: nameLogins, Kind: KindCounter, Unit: "{authentication}",
		Description: "Openings of sessions, ok or failed.", Attributes: keys(keySide, keyPurpose, keyResult)},
	{Name: nameLogin, Kind: KindHistogram, Unit: "s", Buckets: calls,
		Description: "How long the openings took.", Attributes: keys(keyPurpose)},
	{Name: nameResumes, Kind: KindCounter, Unit: "{resume}",
		Description: "Resumes of a suspended cluster, ok or failed.", Attributes: keys(keyResult)},
	{Name: nameBatches, Kind: KindObservableCounter, Unit: "{batch}",
		Description: "Batches of results that were decoded.", Attributes: keys(keySide)},
	{Name: nameBytes, Kind: KindObservableCounter, Unit: "By",
		Description: "Bytes of the batches that were decoded.", Attributes: keys(keySide)},
	{Name: nameConnections, Kind: KindObservableGauge, Unit: "{connection}",
		Description: "Connections to the ingress.", Attributes: keys(keyConnUse, keyConnState)},
	{Name: nameStreamsWait, Kind: KindObservableGauge, Unit: "{call}",
		Description: "Calls that wait for a stream, as every connection has as many calls as its server allows."},
	{Name: nameEventsDropped, Kind: KindObservableCounter, Unit: "{event}",
		Description: "Deliveries of events that were dropped because a subscriber's queue was full."},
	{Name: namePanics, Kind: KindObservableCounter, Unit: "{call}",
		Description: "Calls of subscribers to events that panicked."},
	{Name: nameHooksFailed, Kind: KindCounter, Unit: "{call}",
		Description: "Calls of hooks that panicked, overran their budget, or found the hook busy.", Attributes: keys(keyPoint, keyProblem)},
}

// server are the keys that every point of every metric has.
var server = keys(keyServer, keyPort)

// Metrics returns the declarations of all metrics.
func Metrics() []Metric {
	all := slices.Clone(table)
	for i := range all {
		m := &all[i]
		m.Attributes = slices.Concat(m.Attributes, server)
		m.Optional = slices.Clone(m.Optional)
		m.Buckets = slices.Clone(m.Buckets)
	}
	return all
}

func keys(of ...attribute.Key) []string {
	all := make([]string, len(of))
	for i, k := range of {
		all[i] = string(k)
	}
	return all
}
