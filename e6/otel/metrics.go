package e6otel

import (
	"cmp"
	"slices"

	"go.opentelemetry.io/otel/attribute"
)

// Stability is the stability of a name and its meaning.
type Stability string

// The stabilities.
const (
	// Stable and Development are those of OpenTelemetry's semantic conventions.
	Stable      Stability = "stable"
	Development Stability = "development"
	// Own is for names that this SDK defines. They begin with "e6.", except those of the
	// spans of a query's steps, and change only as docs/versions.md allows.
	Own Stability = "e6"
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
	// Stability is that of its name, unit and attributes.
	Stability Stability
	// Description is its description.
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
	// changes are the buckets for cutovers: from milliseconds to the limits of a cutover.
	changes = []float64{0.01, 0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600}
	rows    = []float64{1, 2, 5, 10, 50, 100, 500, 1000, 5000, 10000}
)

// table declares every metric. The instruments are created from it.
var table = []Metric{
	{Name: nameOperation, Kind: KindHistogram, Unit: "s", Stability: Stable, Buckets: calls,
		Description: "Duration of statements, from the call to the last row that the caller reads.",
		Attributes:  keys(keySystem, keySide), Optional: keys(keyNamespace, keySummary, keyError, keyStatus)},
	{Name: nameRows, Kind: KindHistogram, Unit: "{row}", Stability: Development, Buckets: rows,
		Description: "Number of rows that successful statements returned.",
		Attributes:  keys(keySystem, keySide), Optional: keys(keyNamespace, keySummary)},
	{Name: nameState, Kind: KindObservableGauge, Unit: "{client}",
		Description: "Number of clients in each state of the strategy machine.", Attributes: keys(keyState)},
	{Name: nameInFlight, Kind: KindObservableGauge, Unit: "{query}",
		Description: "Number of queries in flight on the side.", Attributes: keys(keySide)},
	{Name: nameTransitions, Kind: KindCounter, Unit: "{transition}",
		Description: "Number of state transitions of the strategy machine.", Attributes: keys(keyEvent, keyCause)},
	{Name: nameCutovers, Kind: KindCounter, Unit: "{cutover}",
		Description: "Number of changes of the active side, of every kind.", Attributes: keys(keyKind, keyCause, keyFrom, keyTo)},
	{Name: nameAttempts, Kind: KindCounter, Unit: "{attempt}",
		Description: "Number of transitions between sides that have ended, including those that were aborted before the active side changed.",
		Attributes:  keys(keyCause, keyResult, keyFrom, keyTo), Optional: keys(keyError)},
	{Name: nameCutover, Kind: KindHistogram, Unit: "s", Buckets: changes,
		Description: "Duration of cutovers, from the announcement or the first failed call to the end of the drain.",
		Attributes:  keys(keyKind, keyCause, keyResult), Optional: keys(keyError)},
	{Name: nameCutoverAge, Kind: KindObservableGauge, Unit: "s",
		Description: "Time since the start of the current transition; 0 without one."},
	{Name: nameCutoverLimit, Kind: KindObservableGauge, Unit: "s",
		Description: "Maximum duration of the current transition; 0 without one."},
	{Name: namePrewarm, Kind: KindHistogram, Unit: "s", Buckets: changes,
		Description: "Time from the announcement until the target is active."},
	{Name: nameRequests, Kind: KindObservableCounter, Unit: "{call}",
		Description: "Number of calls of every kind to the side.", Attributes: keys(keySide)},
	{Name: nameRefusals, Kind: KindObservableCounter, Unit: "{call}",
		Description: "Number of calls that the ingress refused with 456.", Attributes: keys(keySide)},
	{Name: nameRetried, Kind: KindCounter, Unit: "{query}",
		Description: "Number of retries of statements that had no effect yet; the side is the one that they left.", Attributes: keys(keySide)},
	{Name: nameReplayed, Kind: KindCounter, Unit: "{query}",
		Description: "Number of replays of queries that were cut off; the side is the one that they left.", Attributes: keys(keySide)},
	{Name: nameContinued, Kind: KindCounter, Unit: "{query}",
		Description: "Number of replays that were verified to begin with the delivered rows, and continued after them; the side is the one that they left.",
		Attributes:  keys(keySide)},
	{Name: nameLost, Kind: KindCounter, Unit: "{query}",
		Description: "Number of queries that were cut off and could not be replayed or continued.", Attributes: keys(keySide)},
	{Name: nameAbandoned, Kind: KindCounter, Unit: "{query}",
		Description: "Number of queries that could not be cancelled or cleared on the server.", Attributes: keys(keySide)},
	{Name: nameRollbacks, Kind: KindCounter, Unit: "{rollback}",
		Description: "Number of rollbacks to the old side, by the health policy, the caller or the fleet.", Attributes: keys(keyCause)},
	{Name: nameVetoes, Kind: KindCounter, Unit: "{veto}",
		Description: "Number of guard vetoes that stopped a transition."},
	{Name: nameDetections, Kind: KindCounter, Unit: "{detection}",
		Description: "Number of detections of the active side.", Attributes: keys(keyCause, keyResult), Optional: keys(keyError)},
	{Name: nameDetection, Kind: KindHistogram, Unit: "s", Buckets: calls,
		Description: "Duration of detections of the active side.", Attributes: keys(keyResult), Optional: keys(keyError)},
	{Name: nameLogins, Kind: KindCounter, Unit: "{authentication}",
		Description: "Number of authentications, each of which opens a session.", Attributes: keys(keySide, keyPurpose, keyResult), Optional: keys(keyError)},
	{Name: nameLogin, Kind: KindHistogram, Unit: "s", Buckets: calls,
		Description: "Duration of authentications.", Attributes: keys(keyPurpose), Optional: keys(keyError)},
	{Name: nameResumes, Kind: KindCounter, Unit: "{resume}",
		Description: "Number of attempts to resume a suspended cluster.", Attributes: keys(keyResult)},
	{Name: nameBatches, Kind: KindObservableCounter, Unit: "{batch}",
		Description: "Number of result batches that were decoded.", Attributes: keys(keySide)},
	{Name: nameBytes, Kind: KindObservableCounter, Unit: "By",
		Description: "Size of the result batches that were decoded.", Attributes: keys(keySide)},
	{Name: nameConnections, Kind: KindObservableGauge, Unit: "{connection}",
		Description: "Number of connections to the ingress.", Attributes: keys(keyConnUse, keyConnState)},
	{Name: nameStreamsWait, Kind: KindObservableGauge, Unit: "{call}",
		Description: "Number of calls that wait for a free stream: every connection has as many streams as its server allows."},
	{Name: nameEventsDropped, Kind: KindObservableCounter, Unit: "{event}",
		Description: "Number of event deliveries that were dropped because the queue of a subscriber was full."},
	{Name: namePanics, Kind: KindObservableCounter, Unit: "{call}",
		Description: "Number of calls of event subscribers that panicked."},
	{Name: nameHooksFailed, Kind: KindCounter, Unit: "{call}",
		Description: "Number of hook calls that panicked, exceeded their budget, or were skipped because the hook was busy.", Attributes: keys(keyPoint, keyProblem)},
}

// server are the keys that every point of every metric has.
var server = keys(keyServer, keyPort)

// Metrics returns the declarations of all metrics.
func Metrics() []Metric {
	all := slices.Clone(table)
	for i := range all {
		m := &all[i]
		m.Stability = cmp.Or(m.Stability, Own)
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
