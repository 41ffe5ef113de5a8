// Package deploycheck tests what the folder deploy gives to Prometheus and
// Grafana against the metrics that the client declares, and what the folder .github
// gives to GitHub against the workspace. It is a module of its own, so that no program that
// uses the client gets a parser of PromQL or YAML with it.
package deploycheck
