// Package deploycheck tests what the folder deploy gives to Prometheus and
// Grafana against the metrics that the client declares. It is a module of its
// own, so that nobody who uses the client gets a parser of PromQL with it.
package deploycheck
