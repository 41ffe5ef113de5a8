package e6otel

import (
	"errors"

	"go.opentelemetry.io/otel/metric"
)

// instruments are created from the table. Those of a query have their own fields, which
// saves a map lookup.
type instruments struct {
	operation metric.Float64Histogram
	rows      metric.Int64Histogram

	counters  map[string]metric.Int64Counter
	durations map[string]metric.Float64Histogram
	sizes     map[string]metric.Int64Histogram
	observed  map[string]metric.Int64Observable
	timed     map[string]metric.Float64Observable
	all       []metric.Observable
}

// newInstruments creates the instruments. The error joins all errors of the meter.
func newInstruments(m metric.Meter) (*instruments, error) {
	i := &instruments{
		counters: map[string]metric.Int64Counter{}, durations: map[string]metric.Float64Histogram{}, sizes: map[string]metric.Int64Histogram{},
		observed: map[string]metric.Int64Observable{}, timed: map[string]metric.Float64Observable{},
	}
	var errs []error
	for _, d := range table {
		errs = append(errs, i.add(m, d))
	}
	i.operation, i.rows = i.durations[nameOperation], i.sizes[nameRows]
	return i, errors.Join(errs...)
}

// add creates one instrument.
func (i *instruments) add(m metric.Meter, d Metric) (err error) {
	unit, description := metric.WithUnit(d.Unit), metric.WithDescription(d.Description)
	buckets := metric.WithExplicitBucketBoundaries(d.Buckets...)
	switch {
	case d.Kind == KindCounter:
		i.counters[d.Name], err = m.Int64Counter(d.Name, unit, description)
	case d.Kind == KindHistogram && d.Unit == "s":
		i.durations[d.Name], err = m.Float64Histogram(d.Name, unit, description, buckets)
	case d.Kind == KindHistogram:
		i.sizes[d.Name], err = m.Int64Histogram(d.Name, unit, description, buckets)
	case d.Kind == KindObservableCounter:
		i.observed[d.Name], err = m.Int64ObservableCounter(d.Name, unit, description)
		i.all = append(i.all, i.observed[d.Name])
	case d.Unit == "s":
		i.timed[d.Name], err = m.Float64ObservableGauge(d.Name, unit, description)
		i.all = append(i.all, i.timed[d.Name])
	default:
		i.observed[d.Name], err = m.Int64ObservableGauge(d.Name, unit, description)
		i.all = append(i.all, i.observed[d.Name])
	}
	return err
}
