package e6

// WithTagComment appends a SQL comment to every statement of a query, which names the
// application (Config.ApplicationName) and the query's Tag, so that they can be found in
// the engine's list of queries:
//
//	SELECT 1 /*application='billing',tag='nightly%20report'*/
//
// The form is that of sqlcommenter: keys in order, values percent-encoded, so that no
// value can end the comment. A value is cut off after 256 bytes. No comment is added if
// the query has no tag and the application no name, or if the statement has comments, has
// a literal that does not end, or is longer than 1 MiB. Hooks, events and spans have the
// statement without the comment. By default no comment is sent.
func WithTagComment() Option { return func(o *options) { o.tagComment = true } }

// WithTraceComment appends a SQL comment with the trace context of the query, in the W3C
// form, as WithTagComment does: /*traceparent='00-...-01'*/. Each statement then has a
// different text, so an engine that caches results by text gets no cache hit. By default no
// comment is sent.
func WithTraceComment() Option { return func(o *options) { o.traceComment = true } }
