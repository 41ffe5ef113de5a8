// Package stress scales tests: each has a short form, which `make test` runs, and a long
// one, which `make stress` runs. Both prove the same; the long form does it more often.
package stress

import (
	"os"
	"time"
)

// Variable is the environment variable that selects the long form of each test.
const Variable = "E6_STRESS"

// Long reports whether the tests run in their long form.
func Long() bool { return os.Getenv(Variable) != "" }

// Count returns how often a test does something: short by default, long in its long form.
func Count(short, long int) int {
	if Long() {
		return long
	}
	return short
}

// Pace is the pause between two queries of a loop that keeps a client busy while something else
// happens. In the short form it leaves the processors to the other tests; in the long form there is
// none.
func Pace() {
	if !Long() {
		time.Sleep(5 * time.Millisecond)
	}
}

// Patience is how long a test waits for what must happen. It detects a hang, not a slow
// machine: no test comes near it on a machine of a quarter of the usual speed.
const Patience = 2 * time.Minute
