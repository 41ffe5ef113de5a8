package e6

// WithTagComment appends a SQL comment to every statement of a query, which names the
// application (Config.ApplicationName) and the query's Tag, so that they can be found in
// the engine's list of queries:
//
//	SELECT 1 /*application='billing',tag='nightly%20report'*/
//
// The form is that of sqlcommenter: keys in order, values percent-encoded, so that no
// value can end the comment. A value is cut off after 256 bytes. A query without a tag, of
// an application without a name, gets no comment, and neither does a statement that has
// comments of its own, a text that does not end, or more than 1 MiB. Hooks, events and spans have the
// statement without it. By default no comment is sent.
func WithTagComment() Option { return func(o *options) { o.tagComment = true } }

// WithTraceComment appends a SQL comment with the trace context of the query, in the W3C
// form, as WithTagComment does: /*traceparent='00-...-01'*/. As each text is another
// one then, an engine that caches results by text does not find them again. By default
// no comment is sent.
func WithTraceComment() Option { return func(o *options) { o.traceComment = true } }
