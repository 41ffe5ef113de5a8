package e6otel

import (
	"net"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/e6data/e6data-go/e6"
)

// spanTemplate is what is the same for all calls of one statement.
type spanTemplate struct {
	name      string
	namespace string
	summary   string // for metrics
	options   []trace.SpanStartOption
}

// statementKey is what a template depends on.
type statementKey struct{ sql, template, catalog, schema string }

const (
	// mostTemplates and mostTemplateBytes bound the memory for templates: a program may
	// write its values into its statements, so that no two are the same.
	mostTemplates     = 256
	mostTemplateBytes = 4 << 10
	// mostText is how many bytes of a text spans have at most.
	mostText = 16 << 10
	// mostName is how many characters the name of a span has at most.
	mostName = 255
	// mostNamespaces is how many namespaces the metrics of a client have at most, besides
	// other.
	mostNamespaces = 64
)

// templates remembers the templates of statements that come again.
type templates struct {
	mu    sync.RWMutex
	known map[statementKey]*spanTemplate
}

// get returns the template of a statement, and makes it if it is not known.
func (t *templates) get(key statementKey, make func() *spanTemplate) *spanTemplate {
	if len(key.sql)+len(key.template) > mostTemplateBytes {
		return make()
	}
	t.mu.RLock()
	found := t.known[key]
	t.mu.RUnlock()
	if found != nil {
		return found
	}
	made := make()
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.known) >= mostTemplates {
		for some := range t.known { // any one
			delete(t.known, some)
			break
		}
	}
	if t.known == nil {
		t.known = map[statementKey]*spanTemplate{}
	}
	t.known[key] = made
	return made
}

// template is the template of a statement.
func (c *client) template(s e6.QueryStart) *spanTemplate {
	key := statementKey{s.SQL, s.Template, s.Catalog, s.Schema}
	if s.Template != "" && c.inst.set.text != QueryTextRaw {
		key.sql = "" // other values of the arguments give the same template
	}
	return c.templates.get(key, func() *spanTemplate { return c.newTemplate(s) })
}

// newTemplate follows the conventions for the name and the attributes of a database span.
func (c *client) newTemplate(s e6.QueryStart) *spanTemplate {
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
	case namespace != "" && namespace == t.namespace: // one of a few
		t.name = namespace
	default:
		t.name = net.JoinHostPort(c.host, strconv.Itoa(c.port))
	}
	t.options = []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attrs...)}
	return t
}

// queryText is the value of db.query.text. By the conventions, the text of a call with
// arguments is not sanitised.
func queryText(s e6.QueryStart, how QueryText) string {
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

// cut is the beginning of a text that may be long.
func cut(text string) string { return valid(text[:min(len(text), mostText)]) }

// valid is a text of the caller's as it can be exported: one that is not UTF-8
// makes exporters refuse everything that they send together with it.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// namespaceOf is db.namespace: the catalog and the schema with a vertical bar between
// them, or the one that there is.
func namespaceOf(catalog, schema string) string {
	if catalog != "" && schema != "" {
		catalog += "|"
	}
	return valid(catalog + schema)
}

// metricNamespace is db.namespace of points. The caller chooses the names, and metrics
// need a bound, so that only the first ones are taken as they are.
func (c *client) metricNamespace(name string) string {
	if name == "" {
		return ""
	}
	if name, ok := c.names.getIf(name, mostNamespaces, func() string { return name }); ok {
		return name
	}
	return other
}

// metricSummary is db.query.summary of points: the summary, or its operation once there
// are as many as there may be.
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

// formatted is the name that a formatter gives, and the conventional one if it gives none.
func formatted(name, conventional string) string {
	if name = valid(name); name == "" {
		return conventional
	}
	if utf8.RuneCountInString(name) > mostName {
		return string([]rune(name)[:mostName])
	}
	return name
}
