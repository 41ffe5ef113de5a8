package wire

import (
	"sync"
	"time"
)

// reportWaitAfter is the length from which an episode is reported.
const reportWaitAfter = time.Second

// StreamWait describes an episode: the time for which at least one call waits for a stream,
// without a break.
type StreamWait struct {
	// Use is the purpose of the calls: query, control or cleanup.
	Use string
	// Waited is the length of the episode.
	Waited time.Duration
	// Waiting is the number of calls that wait, and MostWaiting the largest number since the
	// begin of the episode.
	Waiting, MostWaiting int
	// Connections is the number of connections for these calls, and MaxConnections its limit.
	Connections, MaxConnections int
	// StreamLimit is the limit of the server on the streams of a connection, and 0 if it is
	// not known.
	StreamLimit int64
	// Ended is set in the last report of an episode: no call waits.
	Ended bool
}

// An episode measures how long at least one call has waited in a queue. A call counts from
// its first wait until it has a stream or its context ends, also while it checks for a
// stream between two waits: with queue.waiting, the episode of a single call would end at
// each check. It costs a call that does not wait nothing.
//
// The waiting calls report it, each when it wakes, which is at least once in recheckEvery.
// They do so without the lock. The last report is still the one with Ended: the episode
// ends with its last call, and a call reports before it leaves.
type episode struct {
	mu    sync.Mutex
	calls int
	most  int
	began time.Time
	next  time.Duration // the length at which it is reported; reportWaitAfter if it was not
}

// begin counts a call that waits.
func (e *episode) begin() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.calls == 0 {
		e.began, e.next, e.most = time.Now(), reportWaitAfter, 0
	}
	e.calls++
	e.most = max(e.most, e.calls)
}

// due returns a report, if the episode has lasted for reportWaitAfter, and again each time
// its length has doubled.
func (e *episode) due() (report StreamWait, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	waited := time.Since(e.began)
	if e.calls == 0 || waited < e.next {
		return StreamWait{}, false
	}
	for e.next <= waited {
		e.next *= 2
	}
	return StreamWait{Waited: waited, Waiting: e.calls, MostWaiting: e.most}, true
}

// end counts a call that no longer waits. It returns a report, if the episode has ended and
// was reported before.
func (e *episode) end() (report StreamWait, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.calls--
	if e.calls > 0 || e.next == reportWaitAfter {
		return StreamWait{}, false
	}
	return StreamWait{Waited: time.Since(e.began), MostWaiting: e.most, Ended: true}, true
}

// beginWait and endWait enclose all waits of a call for a stream.
func (g *group) beginWait(cleanup bool) { g.queue(cleanup).episode.begin() }

func (g *group) endWait(cleanup bool) {
	if w, ok := g.queue(cleanup).episode.end(); ok {
		g.reportWait(w, cleanup)
	}
}

// checkWait reports the episode if a report is due. A waiting call calls it when it wakes.
func (g *group) checkWait(cleanup bool) {
	if w, ok := g.queue(cleanup).episode.due(); ok {
		g.reportWait(w, cleanup)
	}
}

func (g *group) reportWait(w StreamWait, cleanup bool) {
	if g.conn.cfg.OnStreamWait == nil {
		return
	}
	links := g.all()
	w.Use, w.Connections, w.MaxConnections = g.use.String(), len(links), g.max
	if cleanup {
		w.Use = "cleanup"
	}
	if n := links[0].hard(); n < unlimited {
		w.StreamLimit = n
	}
	g.conn.cfg.OnStreamWait(w)
}
