// Package e6otel tells OpenTelemetry what an e6 client does: a span for each
// query, detection, opening of a session and cutover, and the metrics of
// Metrics. It uses the OpenTelemetry API only, and no global provider.
//
//	inst, err := e6otel.New(e6otel.WithTracerProvider(tp), e6otel.WithMeterProvider(mp))
//	...
//	client, err := e6.Open(ctx, cfg, inst.Options()...)
//
// The span of a cutover is a trace of its own, from the announcement to the
// commit or the abort. It links to the call that caused it and to the queries
// that were in flight on the side that was left, that were run again, or that
// were lost.
//
// No attribute of a metric holds an id, a tag or a part of a statement. Spans
// hold the text of a statement only with WithQueryText, and without its
// literals.
package e6otel
