package conformance

import (
	"time"

	"testing"

	"github.com/e6data/e6data-go/e6/fsm"
)

// limits are what an ingress is configured with. A zero value leaves the limit out.
type limits struct {
	connDuration time.Duration // how long a connection lives
	connRequests int           // how many calls a connection carries
	streams      int           // how many calls at a time
	idle         time.Duration // how long a connection without calls lives
	response     time.Duration // how long an engine may take for a response
	engineIdle   time.Duration // how long the engine keeps a connection without calls
	retries      bool          // repeat failed calls, which an ingress of e6data must not do
}

// An ingress is in front of two engines. Its methods return before the change has reached
// every worker of the program.
type ingress interface {
	addr() string
	// open opens these sides, and closes the others.
	open(t testing.TB, sides ...fsm.Side)
	// suspend makes it answer 503 for a suspended cluster.
	suspend(t testing.TB, on bool)
	// reload replaces the process, or its workers, without a gap.
	reload(t testing.TB)
	// drain notifies clients by GOAWAY to use another connection.
	drain(t testing.TB)
}

// A kind is one of the programs.
type kind struct {
	name    string
	program func() (string, error)
	version func(path string) string
	start   func(t testing.TB, path string, blue, green string, l limits) ingress
	// lacks states which limits the program does not have.
	lacks map[string]string
}

var kinds = []kind{
	{name: "Envoy", program: envoyProgram, version: envoyVersion, start: startEnvoy},
	{name: "HAProxy", program: func() (string, error) { return find("haproxy") },
		version: func(path string) string { return version(path, "-v") }, start: startHAProxy,
		lacks: map[string]string{
			"maximum connection duration":   "HAProxy has no such limit",
			"maximum calls of a connection": "HAProxy has this limit from version 2.9 on",
		}},
	{name: "nginx", program: func() (string, error) { return find("nginx") },
		version: func(path string) string { return version(path, "-v") }, start: startNginx},
}

func open(sides []fsm.Side, side fsm.Side) bool {
	for _, s := range sides {
		if s == side {
			return true
		}
	}
	return false
}
