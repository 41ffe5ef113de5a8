package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// DefaultGrace is the default of DrainOptions.Grace.
const DefaultGrace = 30 * time.Second

// drainInterval is the time between two reads of the store.
const drainInterval = time.Second

// ErrNoPresence is in the error of Drained if the store lists no clients.
var ErrNoPresence = errors.New("the store lists no clients: use one that is a store.Presence, such as files or etcd")

// DrainOptions configures Drained. The zero value is ready to use.
type DrainOptions struct {
	// Grace is how long a client that disappeared from the list without a report that it
	// left the side is still waited for. A client disappears when its lease expires, and
	// when it is closed. The grace period begins when Drained finds the client missing, by
	// the monotonic clock of this process.
	//
	// Drained does not know the clients whose leases expired before its first read. So it
	// never succeeds before Grace has passed since that read.
	//
	// A client that lost only its connection to the store still uses the cluster, and
	// leaves the side when the cluster announces or refuses: Grace must be longer than the
	// time until then, and longer than the longest query. Default: DefaultGrace. Less than
	// 0: no grace period, for a store whose clients cannot get lost, such as Memory.
	Grace time.Duration
	// OnStatus is called with the status when it changes. It must not block for long.
	// Default: no call.
	OnStatus func(DrainStatus)
}

// DrainReason is why Drained waits for a client.
type DrainReason string

// The reasons for which Drained waits for a client.
const (
	// DrainActive: its new queries are routed to the side, or may be: it detects the
	// active side, or is in a transition.
	DrainActive DrainReason = "active"
	// DrainInFlight: it takes no new queries to the side, and some still run there.
	DrainInFlight DrainReason = "in_flight"
	// DrainUnconfirmed: its last report is older than the record in the store, so it may
	// not know that the side is not active any more.
	DrainUnconfirmed DrainReason = "unconfirmed"
	// DrainSilent: it has never reported a record. It has just come, or its version of
	// the SDK sends no such report.
	DrainSilent DrainReason = "silent"
	// DrainLost: it disappeared from the list without a report that it left the side, and
	// the grace period has not passed.
	DrainLost DrainReason = "lost"
)

// Undrained is a client that Drained waits for.
type Undrained struct {
	Client
	// Reason is the reason.
	Reason DrainReason `json:"reason"`
}

// String describes the client in one line.
func (u Undrained) String() string {
	var text string
	switch u.Reason {
	case DrainActive:
		text = fmt.Sprintf("its state is %s, on %s", u.State, u.Side)
		if !u.Side.Valid() {
			text = fmt.Sprintf("its state is %s", u.State)
		}
	case DrainInFlight:
		text = fmt.Sprintf("%d queries in flight", u.InFlight)
	case DrainUnconfirmed:
		text = fmt.Sprintf("it has not confirmed the record, its last report is of version %d", u.Seen)
	case DrainSilent:
		text = fmt.Sprintf("it has reported no record, its SDK is %s", u.Version)
	case DrainLost:
		text = "it disappeared without a report, the grace period has not passed"
	}
	return fmt.Sprintf("%s on %s (%s): %s", u.Program, u.Host, u.ID, text)
}

// DrainStatus is what Drained knows at one time.
type DrainStatus struct {
	// Side is the side that is to be drained.
	Side fsm.Side `json:"side"`
	// Drained is true if the side is drained.
	Drained bool `json:"drained"`
	// Record is the record of the cluster.
	Record Record `json:"record"`
	// Clients is the number of listed clients.
	Clients int `json:"clients"`
	// Missing are the clients that have not reported that they left the side, those that
	// came first first.
	Missing []Undrained `json:"missing"`
	// Expired are the clients that disappeared without a report, and whose grace period
	// has passed: they count as gone.
	Expired []Client `json:"expired"`
	// Blocked is the reason why the side does not count as drained for any report of the
	// clients, and empty otherwise: the record names it, or there is no record, or the grace period of clients
	// that were lost before the first read has not passed.
	Blocked string `json:"blocked,omitempty"`
	// Error is the error of the last read of the store, and empty if that worked. The
	// other fields are those of the read before it then.
	Error string `json:"error,omitempty"`
}

// summary is the status in one line.
func (s DrainStatus) summary() string {
	var parts []string
	if s.Error != "" {
		parts = append(parts, "the store cannot be read: "+s.Error)
	}
	if s.Blocked != "" {
		parts = append(parts, s.Blocked)
	}
	if n := len(s.Missing); n > 0 {
		const most = 10
		names := make([]string, 0, most)
		for _, u := range s.Missing[:min(n, most)] {
			names = append(names, u.String())
		}
		text := fmt.Sprintf("%d clients are missing: %s", n, strings.Join(names, "; "))
		if n > most {
			text += fmt.Sprintf("; and %d more", n-most)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// DrainError reports that a side was not drained before the context of Drained ended. It
// names the missing clients.
type DrainError struct {
	// Status is the last one.
	Status DrainStatus
	// Err is the error of the context.
	Err error
}

// Error implements error.
func (e *DrainError) Error() string {
	return fmt.Sprintf("store: drain %s: %v: %s", e.Status.Side, e.Err, cmp.Or(e.Status.summary(), "the store was not read"))
}

// Unwrap returns the error of the context.
func (e *DrainError) Unwrap() error { return e.Err }

// Drained waits until the fleet of a cluster has left a side, so that the side can be
// taken down. cluster is the key of the cluster, its address and name: "host:443/name".
//
// It succeeds when the record in the store has the other side as active and does not
// announce this one, and every client that Drained has seen has either
//
//   - reported that it has left the side: it knows this record, routes no new queries to
//     the side, and runs none there; or
//   - disappeared from the list for longer than DrainOptions.Grace.
//
// Otherwise it waits until ctx ends, and returns a *DrainError that names the missing
// clients. A store that cannot be read is read again until then. An error that is
// ErrNoPresence means that the store lists no clients.
//
// The result is true at the time of the last read. A client that returns to the side after
// its report, because the other one failed, reports that too, but later: keep the side
// running until the other one has proved itself. Programs without WithFleet are not listed,
// and not waited for.
//
// No clocks of different machines are compared: the order of a report and of the record is
// that of the version of the record, and the grace period is measured here.
func Drained(ctx context.Context, s Store, cluster string, side fsm.Side, opts DrainOptions) (DrainStatus, error) {
	status := DrainStatus{Side: side, Missing: []Undrained{}, Expired: []Client{}}
	if !side.Valid() {
		return status, fmt.Errorf("store: drain %s: want blue or green", side)
	}
	lists, ok := s.(Presence)
	if !ok {
		return status, fmt.Errorf("store: drain %s: %w", side, ErrNoPresence)
	}
	d := drainObserver{side: side, grace: opts.Grace, seen: make(map[string]Client), lost: make(map[string]time.Time)}
	switch {
	case d.grace == 0:
		d.grace = DefaultGrace
	case d.grace < 0:
		d.grace = 0
	}
	for reported := ""; ; {
		record, clients, err := readFleet(ctx, s, lists, cluster)
		if ctx.Err() != nil {
			return status, &DrainError{status, context.Cause(ctx)}
		}
		if err != nil {
			status.Error, status.Drained = err.Error(), false
		} else {
			status = d.observe(time.Now(), record, clients)
		}
		if now := fmt.Sprint(status); opts.OnStatus != nil && now != reported {
			reported = now
			opts.OnStatus(status)
		}
		if status.Drained {
			return status, nil
		}
		pause := time.NewTimer(drainInterval)
		select {
		case <-pause.C:
		case <-ctx.Done():
		}
		pause.Stop()
	}
}

// errRecordMoved is returned if the record has changed while the clients were listed.
var errRecordMoved = errors.New("the record changes: it is read again")

// readFleet reads the clients between two equal reads of the record, so that both are of
// one time. Otherwise this could happen:
//  1. The record has green as active.
//  2. A client publishes blue, and another one joins and follows it.
//  3. The list is read before the other client has shown itself on blue.
func readFleet(ctx context.Context, s Store, lists Presence, cluster string) (Record, []Client, error) {
	before, err := s.Load(ctx, cluster)
	if err != nil {
		return Record{}, nil, err
	}
	clients, err := lists.Clients(ctx, cluster)
	if err != nil {
		return Record{}, nil, err
	}
	after, err := s.Load(ctx, cluster)
	if err == nil && after.Version != before.Version {
		err = errRecordMoved
	}
	return after, clients, err
}

// A drainObserver remembers the clients that it has read, and when it found one missing.
type drainObserver struct {
	side  fsm.Side
	grace time.Duration
	began time.Time            // of the first read
	seen  map[string]Client    // the last state of each client, those that disappeared included
	lost  map[string]time.Time // when a client was found missing
}

// observe takes a read of the store and returns the status.
func (d *drainObserver) observe(now time.Time, record Record, clients []Client) DrainStatus {
	if d.began.IsZero() {
		d.began = now
	}
	listed := make(map[string]bool, len(clients))
	for _, c := range clients {
		listed[c.ID] = true
		d.seen[c.ID] = c
		delete(d.lost, c.ID)
	}
	s := DrainStatus{Side: d.side, Record: record, Clients: len(clients), Missing: []Undrained{}, Expired: []Client{}}
	for id, c := range d.seen {
		reason := d.missing(c, record)
		if !listed[id] {
			if d.lost[id].IsZero() {
				d.lost[id] = now
			}
			switch past := now.Sub(d.lost[id]) >= d.grace; {
			case reason == "" && past: // it left the side, and then the list
				delete(d.seen, id)
			case reason != "" && past:
				reason = ""
				s.Expired = append(s.Expired, c)
			case reason != "":
				reason = DrainLost
			}
		}
		if reason != "" {
			s.Missing = append(s.Missing, Undrained{c, reason})
		}
	}
	slices.SortFunc(s.Missing, func(a, b Undrained) int { return byArrival(a.Client, b.Client) })
	slices.SortFunc(s.Expired, byArrival)
	switch {
	case record.Version == 0:
		s.Blocked = "the store has no record of the cluster"
	case record.Active != d.side.Other():
		s.Blocked = fmt.Sprintf("the active side is %s", record.Active)
	case record.Announced == d.side:
		s.Blocked = fmt.Sprintf("%s is announced", d.side)
	case now.Sub(d.began) < d.grace:
		s.Blocked = fmt.Sprintf("clients that were lost before this wait began are waited for, %s in total", d.grace)
	}
	s.Drained = s.Blocked == "" && len(s.Missing) == 0
	return s
}

// missing is the reason why a client has not left the side by its own report, and empty if
// it has.
//
// The report must be of exactly this version of the record. An older one proves nothing:
//  1. The client reports that it has left blue for green, and loses the store.
//  2. The fleet goes back to blue, and the client with it. Its report stays.
//  3. The fleet moves to green. The client is still on blue.
//
// A newer one is of a record that was lost since, and with it the order of the versions.
func (d *drainObserver) missing(c Client, record Record) DrainReason {
	switch {
	case c.Seen == 0:
		return DrainSilent
	case c.Side == d.side || c.State != fsm.Settled(d.side.Other()) && c.State != fsm.StateUnknown:
		return DrainActive
	case c.InFlight > 0:
		return DrainInFlight
	case c.Seen != record.Version:
		return DrainUnconfirmed
	}
	return ""
}
