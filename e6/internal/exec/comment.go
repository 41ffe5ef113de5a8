package exec

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"go.opentelemetry.io/otel/trace"

	"github.com/e6data/e6data-go/internal/sqltext"
)

// Comment selects the values of the SQL comment of a statement.
type Comment struct {
	// Tag: the tag of the statement, and the name of the application.
	Tag bool
	// Application is the name of the application. It may be empty.
	Application string
	// Trace: the trace context of the statement.
	Trace bool
}

// maxCommented is the maximum length of a statement that gets a comment: it takes too long
// to read a longer one.
const maxCommented = 1 << 20

// maxCommentValue is the maximum length of a value, in bytes before they are encoded.
const maxCommentValue = 256

// add returns a statement with its comment, if it gets one. The trace context is that of
// ctx.
func (c Comment) add(ctx context.Context, sql, tag string) string {
	if !c.Tag && !c.Trace {
		return sql
	}
	values := map[string]string{}
	if c.Tag {
		values["application"], values["tag"] = c.Application, tag
	}
	if c.Trace {
		values["traceparent"] = traceparent(trace.SpanContextFromContext(ctx))
	}
	comment := sqlComment(values)
	if comment == "" || len(sql) > maxCommented || hasComment(sql) {
		return sql
	}
	return sql + " " + comment
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
