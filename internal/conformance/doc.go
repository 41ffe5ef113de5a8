// Package conformance runs the client against software that this project did not write:
// Envoy, HAProxy and nginx as the ingress of a cluster, and the public Python connector as
// a second client of the emulator.
//
// `make conformance` installs what is missing below .conformance, runs the tests of this
// package with E6_CONFORMANCE=1, and writes docs/conformance.md from their results. Without
// that variable every test is skipped. With it, a missing program is a failure; Envoy and
// the connector come from Python packages, so E6_CONFORMANCE_PYTHON=0 skips them on a
// machine without Python.
//
// LONG=1 runs each case for longer.
package conformance
