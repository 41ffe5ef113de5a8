package e6

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/trace"

	"github.com/e6data/e6data-go/internal/sqltext"
)

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

// maxCommented is how long a statement may be that gets a comment: a longer one takes too
// long to read.
const maxCommented = 1 << 20

// maxCommentValue is the longest value in a comment, in bytes before they are encoded.
const maxCommentValue = 256

// commented returns the statement with its comment, if it gets one.
func (q *query) commented(ctx context.Context) string {
	values := map[string]string{}
	if q.c.opts.tagComment {
		values["application"], values["tag"] = q.c.cfg.ApplicationName, q.opts.tag
	}
	if q.c.opts.traceComment {
		values["traceparent"] = traceparent(trace.SpanContextFromContext(ctx))
	}
	comment := sqlComment(values)
	if comment == "" || len(q.sql) > maxCommented || hasComment(q.sql) {
		return q.sql
	}
	return q.sql + " " + comment
}

// traceparent is a span context in the form of the W3C's header, version 00, and empty if
// it is not valid.
func traceparent(c trace.SpanContext) string {
	if !c.IsValid() {
		return ""
	}
	return fmt.Sprintf("00-%s-%s-%s", c.TraceID(), c.SpanID(), c.TraceFlags())
}

// sqlComment is the comment with these values, and empty without any. Empty values are
// left out.
func sqlComment(values map[string]string) string {
	var pairs []string
	for key, value := range values {
		if value != "" {
			value = url.QueryEscape(strings.ToValidUTF8(value[:min(len(value), maxCommentValue)], ""))
			pairs = append(pairs, key+"='"+strings.ReplaceAll(value, "+", "%20")+"'")
		}
	}
	if len(pairs) == 0 {
		return ""
	}
	slices.Sort(pairs)
	return "/*" + strings.Join(pairs, ",") + "*/"
}

// hasComment reports whether a statement has a comment, or may not be followed by one.
func hasComment(sql string) bool {
	for t := range sqltext.Tokens(sql) {
		if t.Kind == sqltext.Comment || t.Kind == sqltext.Broken {
			return true
		}
	}
	return sqltext.Unfinished(sql, true)
}
