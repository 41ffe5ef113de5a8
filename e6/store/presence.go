package store

import (
	"cmp"
	"context"
	"crypto/rand"
	"os"
	"path/filepath"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/version"
)

// Presence is an optional interface of a Store: it lists the connected clients. Its
// methods may be called concurrently.
type Presence interface {
	// Join registers a client of a cluster until it leaves, or is lost. Fields of self
	// that are zero get their defaults. Join does not wait for the network.
	Join(cluster string, self Client) (Member, error)
	// Clients lists the registered clients of a cluster, those that came first
	// first.
	Clients(ctx context.Context, cluster string) ([]Client, error)
	// WatchClients calls fn with the current list and with a new one after changes,
	// until the context ends; then it returns the context's error. Changes that follow
	// each other quickly may be merged. The calls are made one at a time, and each has
	// a list of its own.
	WatchClients(ctx context.Context, cluster string, fn func([]Client)) error
}

// Member is the presence of one client. Its methods may be called concurrently.
type Member interface {
	// ID is the client's name in the list.
	ID() string
	// Show publishes the status of the client. It does not wait; of several calls, the
	// last one is published. An unchanged status costs nothing, so Show may be called with
	// every event of a client.
	Show(Status)
	// Leave takes the client off the list, and waits for that within ctx.
	Leave(ctx context.Context) error
}

// Client is one client of a cluster, as it describes itself to the others.
// Nothing in it is secret.
type Client struct {
	// ID identifies the client. Default: random.
	ID string `json:"id"`
	// Host is the name of the machine. Default: os.Hostname.
	Host string `json:"host"`
	// Program is the name of the program. Default: that of the executable file.
	Program string `json:"program"`
	// Version is that of this SDK. Default: the one that the program was built with,
	// or "devel".
	Version string `json:"version"`
	// Since is when the client came, by its own clock. Default: now.
	Since time.Time `json:"since"`
	// Side is the client's active side, and State the state of its machine, as far
	// as they were published with Show.
	Side  fsm.Side  `json:"side"`
	State fsm.State `json:"state"`
	// InFlight and Seen are those of the Status that was published last.
	InFlight int64  `json:"in_flight"`
	Seen     uint64 `json:"seen"`
}

// Status is what a client reports of itself while it is listed.
type Status struct {
	// Side is the client's active side, and None without one.
	Side fsm.Side
	// State is the state of its machine.
	State fsm.State
	// InFlight is the number of queries that run on a side other than Side. A client
	// reports it with every change of its side or state, when it falls to 0, and every few
	// seconds in between. So 0 is exact, and a greater number may be seconds old.
	InFlight int64
	// Seen is the version of the newest Record that the client has handled: this status is
	// later than that. 0: none, or a version of the SDK that does not report it.
	Seen uint64
}

// Status returns the status that the client published last.
func (c Client) Status() Status { return Status{c.Side, c.State, c.InFlight, c.Seen} }

// WithStatus returns the client with that status.
func (c Client) WithStatus(s Status) Client {
	c.Side, c.State, c.InFlight, c.Seen = s.Side, s.State, s.InFlight, s.Seen
	return c
}

// WithDefaults returns the client with the fields filled in that are left out.
func (c Client) WithDefaults() Client {
	c.ID = cmp.Or(c.ID, rand.Text())
	if c.Host == "" {
		c.Host, _ = os.Hostname() // a host without a name is listed without one
	}
	if c.Program == "" && len(os.Args) > 0 {
		c.Program = filepath.Base(os.Args[0])
	}
	c.Version = cmp.Or(c.Version, version.SDK())
	if c.Since.IsZero() {
		c.Since = time.Now()
	}
	return c
}

// byArrival orders clients by the time at which they came.
func byArrival(a, b Client) int {
	return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.ID, b.ID))
}
