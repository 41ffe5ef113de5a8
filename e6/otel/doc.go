// Package e6otel records what an e6 client does with OpenTelemetry: a span for each
// query, detection, opening of a session and cutover, the metrics of [Metrics], and, with
// [WithLoggerProvider], a log event for each event. It
// follows the semantic conventions for database clients of the version that [SchemaURL]
// names. It uses the OpenTelemetry API only; the providers are the global ones unless
// options name others.
//
//	inst, err := e6otel.New()
//	...
//	client, err := e6.Open(ctx, cfg, inst.Options()...)
//
// The span of a cutover is the root of a new trace and lasts from the announcement
// to the commit or the abort. It has links to the call that caused the cutover, and
// to queries: those that were in flight on the origin, retried, replayed or lost.
//
// Spans have the text of statements without literals: see [WithQueryText]. No attribute of
// a metric holds an id, a tag, a literal or the text of an error.
package e6otel
