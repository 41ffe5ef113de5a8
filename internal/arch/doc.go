// Package arch holds the tests of the architecture: who may import whom, and
// what the core may depend on.
package arch
