package e6otel

import (
	"net"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/e6data/e6data-go/e6/hook"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// spanTemplate holds the name and the options that all spans of one statement share.
type spanTemplate struct {
	name      string
	namespace string
	summary   string // for metrics
	options   []trace.SpanStartOption
}

// statementKey is the key of a template.
type statementKey struct{ sql, template, catalog, schema string }

const (
	// mostTemplates and mostTemplateBytes bound the memory for templates: with literals,
	// every statement of a program may be different.
	mostTemplates     = 256
	mostTemplateBytes = 4 << 10
	// mostText is the maximum length of db.query.text in bytes.
	mostText = 16 << 10
	// mostName is the maximum length of the name of a span in characters.
	mostName = 255
	// mostNamespaces is the maximum number of namespaces in the metrics of a client,
	// besides other.
	mostNamespaces = 64
)

// templates caches the templates of statements.
type templates struct {
	mu      sync.RWMutex
	entries map[statementKey]*spanTemplate
}

// get returns the template of a statement, and creates it if there is none.
func (t *templates) get(key statementKey, create func() *spanTemplate) *spanTemplate {
	if len(key.sql)+len(key.template) > mostTemplateBytes {
		return create()
	}
	t.mu.RLock()
	found := t.entries[key]
	t.mu.RUnlock()
	if found != nil {
		return found
	}
	created := create()
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.entries) >= mostTemplates {
		for some := range t.entries { // evict any one
			delete(t.entries, some)
			break
		}
	}
	if t.entries == nil {
		t.entries = map[statementKey]*spanTemplate{}
	}
	t.entries[key] = created
	return created
}

// template returns the template of a statement.
func (c *client) template(s hook.QueryStart) *spanTemplate {
	key := statementKey{s.SQL, s.Template, s.Catalog, s.Schema}
	if s.Template != "" && c.inst.set.text != QueryTextRaw {
		key.sql = "" // other values of the arguments give the same template
	}
	return c.templates.get(key, func() *spanTemplate { return c.newTemplate(s) })
}

// newTemplate follows the conventions for the name and the attributes of a database span.
func (c *client) newTemplate(s hook.QueryStart) *spanTemplate {
	summary := s.Summary()
	namespace := namespaceOf(s.Catalog, s.Schema)
	t := &spanTemplate{name: summary, namespace: c.metricNamespace(namespace), summary: c.metricSummary(summary)}
	attrs := append([]attribute.KeyValue{keySystem.String(system)}, c.attrs...)
	if namespace != "" {
		attrs = append(attrs, keyNamespace.String(namespace))
	}
	if summary != "" {
		attrs = append(attrs, keySummary.String(summary))
	}
	if text := queryText(s, c.inst.set.text); text != "" {
		attrs = append(attrs, keyText.String(text))
	}
	switch {
	case t.name != "":
	case namespace != "" && namespace == t.namespace: // low cardinality
		t.name = namespace
	default:
		t.name = net.JoinHostPort(c.host, strconv.Itoa(c.port))
	}
	t.options = []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attrs...)}
	return t
}

// queryText is the value of db.query.text. By the conventions, the text of a call with
// arguments is not sanitised.
func queryText(s hook.QueryStart, how QueryText) string {
	switch {
	case how == QueryTextNone:
		return ""
	case how == QueryTextRaw:
		return cut(s.SQL)
	case s.Template != "":
		return cut(s.Template)
	}
	return s.Sanitized()
}

// cut limits a text to mostText.
func cut(text string) string { return valid(text[:min(len(text), mostText)]) }

// valid replaces invalid UTF-8 in a text of the caller: exporters refuse a whole batch
// that holds some.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// namespaceOf is db.namespace: the catalog and the schema with a vertical bar between
// them, or the one that there is.
func namespaceOf(catalog, schema string) string {
	if catalog != "" && schema != "" {
		catalog += "|"
	}
	return valid(catalog + schema)
}

// metricNamespace is db.namespace in metrics: the name, or other once there are
// mostNamespaces. The caller chooses the names, and metrics need a bound.
func (c *client) metricNamespace(name string) string {
	if name == "" {
		return ""
	}
	if name, ok := c.names.getIf(name, mostNamespaces, func() string { return name }); ok {
		return name
	}
	return other
}

// metricSummary is db.query.summary in metrics: the summary, or its operation once there
// are as many as WithMetricSummaries allows.
func (c *client) metricSummary(summary string) string {
	if summary == "" {
		return ""
	}
	if s, ok := c.summaries.getIf(summary, c.inst.set.summaries, func() string { return summary }); ok {
		return s
	}
	operation, _, _ := strings.Cut(summary, " ")
	return strings.ToUpper(operation)
}

// formatted is the name from a formatter, or the conventional one if that is empty.
func formatted(name, conventional string) string {
	if name = valid(name); name == "" {
		return conventional
	}
	if utf8.RuneCountInString(name) > mostName {
		return string([]rune(name)[:mostName])
	}
	return name
}
