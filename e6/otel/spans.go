package e6otel

import "go.opentelemetry.io/otel/trace"

// The names of the spans. The span of a query has the name of its operation,
// such as SELECT, if that is known.
const (
	spanQuery     = "e6.query"
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
	eventFirstSign = "first sign"
	eventReady     = "target ready"
	eventFirst     = "first query on target"
	eventDrained   = "origin drained"
	eventCommitted = "committed"
)

// eventContinued is the event of a fetch's span: the replay has the rows that the caller
// has read.
const eventContinued = "continued"

// Span is the declaration of a span.
type Span struct {
	// Name is its name; that of a query is its operation, if it is known.
	Name string
	// Kind is its kind.
	Kind trace.SpanKind
	// Description says what it covers.
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
	return []Span{
		{Name: spanQuery, Kind: trace.SpanKindClient, Description: "A statement, with the caller's own reading.",
			Attributes: append(keys(keySystem, keyOperation, keySide, keyRows, keyBatches, keyBytes, keyRetries, keyReplays), server...),
			Optional:   append(keys(keyNamespace, keyText, keyTag, keyQueryID), failed...)},
		{Name: spanPrepare, Kind: internal, Description: "The statement is checked and planned.", Attributes: step, Optional: failed},
		{Name: spanExecute, Kind: internal, Description: "The statement is started.", Attributes: step, Optional: failed},
		{Name: spanFetch, Kind: internal, Description: "The wait for the result, and its batches.",
			Attributes: append(keys(keyRows, keyBatches, keyBytes), step...), Optional: failed, Events: []string{eventContinued}, EventAttributes: keys(keyVerified)},
		{Name: spanDetection, Kind: internal, Description: "The search for a side that accepts.",
			Attributes: append(keys(keyFrom, keyCause, keyOrder, keySide, keyRounds), server...), Optional: failed},
		{Name: spanSession, Kind: internal, Description: "The opening of a session.",
			Attributes: append(keys(keySide, keyPurpose), server...), Optional: failed},
		{Name: spanCutover, Kind: internal, Description: "A change of the active side, from its first sign to its end, or a transition that was aborted before it changed anything.",
			Attributes: append(keys(cutoverID, cutoverKind, cutoverEvent, cutoverFrom, cutoverTo, cutoverCause, cutoverFlying, cutoverResult,
				cutoverReason, cutoverDrain, cutoverRemain, cutoverReplay, cutoverRetry, cutoverLost), server...),
			Optional: keys(keyError), Links: keys(keyLink),
			Events: []string{eventAnnounced, eventFirstSign, eventReady, eventFirst, eventDrained, eventCommitted, aborted, abandoned, settled, reset}},
	}
}
