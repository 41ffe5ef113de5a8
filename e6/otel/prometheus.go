package e6otel

import (
	"slices"
	"strings"
)

// PrometheusName is the name that OpenTelemetry's exporter for Prometheus gives
// the metric with its default translation. A histogram has the series _bucket,
// _sum and _count of that name.
func (m Metric) PrometheusName() string {
	words := strings.Split(strings.ReplaceAll(m.Name, "_", "."), ".")
	add := func(word string) {
		if !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	switch m.Unit { // a unit in braces is an annotation and is left out
	case "s":
		add("seconds")
	case "By":
		add("bytes")
	}
	if m.Kind == KindCounter || m.Kind == KindObservableCounter {
		words = append(words, "total")
	}
	return strings.Join(words, "_")
}
