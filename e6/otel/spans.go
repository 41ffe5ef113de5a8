package e6otel

import (
	"cmp"

	"go.opentelemetry.io/otel/trace"
)

// The names of the spans. The span of a query has the name that the conventions give, or
// that of the SpanNameFormatter.
const (
	spanQuery     = "{db.query.summary}"
	spanPrepare   = "prepare"
	spanExecute   = "execute"
	spanFetch     = "fetch"
	spanDetection = "e6.detection"
	spanSession   = "e6.session.open"
	spanCutover   = "e6.cutover"
)

// The events of a cutover's span.
const (
	eventAnnounced = "announced"
	eventStarted   = "started"
	eventReady     = "target_ready"
	eventFirst     = "first_query_on_target"
	eventDrained   = "origin_drained"
	eventCommitted = "committed"
)

// eventContinued is the event of a fetch's span: the replay has the rows that the caller
// has read.
const eventContinued = "continued"

// Span is the declaration of a span.
type Span struct {
	// Name is its name. That of a query is in braces: the attribute that the name is
	// taken from, if the statement has it.
	Name string
	// Kind is its kind.
	Kind trace.SpanKind
	// Stability is that of its name and attributes.
	Stability Stability
	// Description is its description.
	Description string
	// Attributes are the keys that every such span has, and Optional those that
	// some have, besides those of WithAttributes.
	Attributes, Optional []string
	// Links are the keys of the attributes of its links.
	Links []string
	// Events are the names of its events, and EventAttributes the keys of their attributes.
	Events, EventAttributes []string
}

// Spans returns the declarations of all spans.
func Spans() []Span {
	internal := trace.SpanKindInternal
	step := append(keys(keySide, keyAttempt, keyReplay), server...)
	failed := keys(keyError, keyStatus)
	all := []Span{
		{Name: spanQuery, Kind: trace.SpanKindClient, Stability: Stable, Description: "A statement, from the call to the last row that the caller reads.",
			Attributes: append(keys(keySystem, keySide, keyRows, keyBatches, keyBytes, keyRetries, keyReplays), server...),
			Optional:   append(keys(keyNamespace, keySummary, keyText, keyTag, keyQueryID), failed...)},
		{Name: spanPrepare, Kind: internal, Description: "The engine checks and plans the statement.", Attributes: step, Optional: failed},
		{Name: spanExecute, Kind: internal, Description: "The engine starts the statement.", Attributes: step, Optional: failed},
		{Name: spanFetch, Kind: internal, Description: "The wait for the result, and its batches.",
			Attributes: append(keys(keyRows, keyBatches, keyBytes), step...), Optional: failed, Events: []string{eventContinued}, EventAttributes: keys(keyVerified)},
		{Name: spanDetection, Kind: internal, Description: "The detection of a side that accepts calls.",
			Attributes: append(keys(keyFrom, keyCause, keyOrder, keySide, keyRounds), server...), Optional: failed},
		{Name: spanSession, Kind: internal, Description: "The authentication that opens a session.",
			Attributes: append(keys(keySide, keyPurpose), server...), Optional: failed},
		{Name: spanCutover, Kind: internal, Description: "A change of the active side, from the announcement or the first failed call to its end, or a transition that was aborted before it changed anything.",
			Attributes: append(keys(cutoverID, cutoverKind, cutoverEvent, cutoverFrom, cutoverTo, cutoverCause, cutoverInFlight, cutoverResult,
				cutoverReason, cutoverDrain, cutoverRemain, cutoverReplay, cutoverRetry, cutoverLost), server...),
			Optional: keys(keyError), Links: keys(keyLink),
			Events: []string{eventAnnounced, eventStarted, eventReady, eventFirst, eventDrained, eventCommitted, aborted, abandoned, settled, reset}},
	}
	for i := range all {
		all[i].Stability = cmp.Or(all[i].Stability, Own)
	}
	return all
}
