package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// A kind is something that a script lets happen.
type kind string

// The cutovers.
const (
	graceful      kind = "graceful"       // the target opens and is announced; the origin closes when it is drained
	abrupt        kind = "abrupt"         // the sides are swapped without a word
	announceFirst kind = "announce first" // the target is announced, and opens when the origin closes
	notReady      kind = "not ready"      // the target is announced and opens late; the origin closes after that
	engineLost    kind = "engine lost"    // abrupt, and the origin forgets its queries
	outage        kind = "outage"         // both sides are closed for a while, and then the target opens
	flapping      kind = "flapping"       // there, back, and there again, without waiting for anyone
)

// The faults.
const (
	reset       kind = "reset"     // all connections break
	halfOpen    kind = "half-open" // nothing gets through, and then the connections break
	partition   kind = "partition" // nothing gets through, and then everything does
	slowLink    kind = "slow link" // what is sent arrives late
	goAway      kind = "GOAWAY"    // the connections take no new calls
	reload      kind = "reload"    // the ingress is reloaded
	expire      kind = "expire"    // the engines forget their sessions
	suspend     kind = "suspend"   // the cluster is suspended until a client resumes it
	corrupt     kind = "corrupt"   // a batch is noise
	short       kind = "cut short" // a result ends before its rows have
	stuck       kind = "stuck"     // a call is never answered
	late        kind = "late"      // some answers come late
	breakOff    kind = "break off" // the connection breaks when a call has had its effect
	gateway     kind = "gateway"   // the ingress answers a call with 502
	kill        kind = "kill"      // a process of clients is killed, and another one takes its place
	wrongRecord kind = "lies"      // a wrong record is written to the store, with a wrong clock
	storeStop   kind = "etcd stop" // etcd is stopped, and goes on later
	damped      kind = "damped"    // the origin closes while a client waits, as the sides have changed often
	storeKill   kind = "etcd kill" // etcd is killed, and starts again
)

var (
	allCutovers = []kind{graceful, abrupt, announceFirst, notReady, engineLost, outage, flapping}
	network4    = []kind{reset, halfOpen, partition, slowLink, goAway}
)

// A step is one cutover and what happens around it.
type step struct {
	cutover kind
	length  time.Duration // of a grace or an outage
	faults  []fault
}

// A fault happens some time after the step began, for its length.
type fault struct {
	kind   kind
	after  time.Duration
	length time.Duration
	method string // of the call that it meets
	nth    int    // which of these calls
}

// methods are the calls of a query.
var methods = []string{"prepareStatement", "executeStatement", "getResultMetadata", "getNextResultBatchV2", "clearOrCancelQuery"}

// draw draws n steps.
func draw(r *rand.Rand, n int, faults []kind) []step {
	ms := func(most int) time.Duration { return time.Duration(r.IntN(most)) * time.Millisecond }
	steps := make([]step, n)
	for i := range steps {
		s := step{cutover: allCutovers[r.IntN(len(allCutovers))], length: ms(60)}
		for len(faults) > 0 && r.IntN(5) < 2 {
			s.faults = append(s.faults, fault{
				kind: faults[r.IntN(len(faults))], after: ms(50), length: 5*time.Millisecond + ms(200),
				method: methods[r.IntN(len(methods))], nth: 1 + r.IntN(20),
			})
		}
		steps[i] = s
	}
	return steps
}

func (s step) String() string {
	text := fmt.Sprintf("%s (%s)", s.cutover, s.length)
	for _, f := range s.faults {
		text += fmt.Sprintf(", %s after %s for %s", f.kind, f.after, f.length)
		if f.needsCall() {
			text += fmt.Sprintf(" at call %d of %s", f.nth, f.method)
		}
	}
	return text
}

func (f fault) needsCall() bool {
	switch f.kind {
	case corrupt, short, stuck, late, breakOff, gateway:
		return true
	}
	return false
}

// listing is a script as text, a line for each step.
func listing(steps []step) string {
	var b strings.Builder
	for i, s := range steps {
		fmt.Fprintf(&b, "%4d  %s\n", i+1, s)
	}
	return b.String()
}
