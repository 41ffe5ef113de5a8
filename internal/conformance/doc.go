// Package conformance runs the client against software that this project did not write:
// Envoy, HAProxy and nginx as the ingress of a cluster, the public Python connector as
// a second client of the emulator, OpenTelemetry's collector, and Prometheus.
//
// `make conformance` installs Python packages below .conformance, runs the tests of this package, and
// writes docs/conformance.md from their results. `make verdicts`, which is part of `make check`, runs
// them too, and compares their verdicts with that document. run.sh does both. Without E6_CONFORMANCE every
// test is skipped; E6_CONFORMANCE_PYTHON=0 skips the cases that need Python.
//
// LONG=1 runs each case for longer.
//
// Every program that a test starts ends with the test, and every process that it has started, also if
// go test ends this one.
package conformance
