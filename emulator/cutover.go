package emulator

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
)

// defaultGrace is the time between announcement and refusal of a cutover that
// names none.
const defaultGrace = 5 * time.Second

// maxGrace bounds the grace period of a cutover.
const maxGrace = time.Hour

// cutoverKinds are the values of the parameter kind.
var cutoverKinds = map[string]e6test.CutoverKind{
	"":               e6test.Graceful,
	"graceful":       e6test.Graceful,
	"abrupt":         e6test.Abrupt,
	"announce-first": e6test.AnnounceFirst,
}

// cutoverParams reads a cutover out of the query string.
func cutoverParams(q url.Values) (o e6test.Cutover, err error) {
	if o.To, err = sideParam(q, "to"); err != nil {
		return o, err
	}
	kind, ok := cutoverKinds[q.Get("kind")]
	if !ok {
		return o, fmt.Errorf("parameter kind: unknown %q: expected graceful, abrupt or announce-first", q.Get("kind"))
	}
	o.Kind = kind
	switch {
	case q.Has("grace"):
		o.Grace, err = time.ParseDuration(q.Get("grace"))
		if err != nil || o.Grace < 0 || o.Grace > maxGrace {
			return o, fmt.Errorf("parameter grace: %q is no duration between 0s and %s, such as 5s", q.Get("grace"), maxGrace)
		}
	case kind != e6test.Abrupt:
		o.Grace = defaultGrace
	}
	if kind == e6test.Abrupt {
		o.Grace = 0 // it has no grace period
	}
	return o, nil
}

// cutovers runs the cutovers of the admin interface, one at a time, in the background:
// a request for one does not wait for its grace period.
type cutovers struct {
	cluster *e6test.Cluster

	mu   sync.Mutex
	last *cutoverStatus // the one that runs, or ran last
}

// cutoverStatus is a cutover in the answers of the admin interface.
type cutoverStatus struct {
	To   string `json:"to"`
	Kind string `json:"kind"`
	// Grace is the grace period, such as "5s".
	Grace string `json:"grace"`
	// State is running, done or failed. Error is the cause of a failure.
	State string `json:"state"`
	Error string `json:"error,omitempty"`
	// Began is the time of the request. Ends is when the origin closes: at the end of the
	// grace period, or when that was over.
	Began time.Time `json:"began"`
	Ends  time.Time `json:"ends"`
}

// The states of a cutover.
const (
	cutoverRuns   = "running"
	cutoverDone   = "done"
	cutoverFailed = "failed"
)

// begin starts a cutover. One with a grace period goes on in the background; another one
// is done when begin returns. It returns false with the one that runs, if one does.
func (c *cutovers) begin(o e6test.Cutover) (now cutoverStatus, begun bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last != nil && c.last.State == cutoverRuns {
		return *c.last, false
	}
	began := time.Now()
	s := &cutoverStatus{To: o.To.String(), Kind: o.Kind.String(), Grace: o.Grace.String(), State: cutoverRuns, Began: began, Ends: began.Add(o.Grace)}
	c.last = s
	if o.Grace == 0 {
		s.end(c.cluster.Cutover(context.Background(), o))
		return *s, true
	}
	// It ends with its grace period, or with the cluster.
	go func() {
		err := c.cluster.Cutover(context.Background(), o)
		c.mu.Lock()
		defer c.mu.Unlock()
		s.end(err)
	}()
	return *s, true
}

// end notes how a cutover has ended.
func (s *cutoverStatus) end(err error) {
	s.State, s.Ends = cutoverDone, time.Now()
	if err != nil {
		s.State, s.Error = cutoverFailed, err.Error()
	}
}

// serve serves POST /cutover.
func (c *cutovers) serve(w http.ResponseWriter, r *http.Request) {
	var o e6test.Cutover
	q, err := params(r, "to", "kind", "grace")
	if err == nil {
		o, err = cutoverParams(q)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	now, begun := c.begin(o)
	switch {
	case !begun:
		http.Error(w, fmt.Sprintf("a cutover to %s is running until %s: retry then, GET /status shows it",
			now.To, now.Ends.Format(time.RFC3339)), http.StatusConflict)
	case now.State == cutoverFailed:
		http.Error(w, now.Error, http.StatusConflict)
	case now.State == cutoverRuns:
		w.Header().Set("Location", "/status")
		writeJSON(w, http.StatusAccepted, now)
	default:
		writeJSON(w, http.StatusOK, now)
	}
}

// clusterStatus is the answer to GET /status.
type clusterStatus struct {
	// Active is the side for new queries, or "none" if both are closed.
	Active string `json:"active"`
	// Open has for each side whether the ingress passes calls to it.
	Open map[string]bool `json:"open"`
	// Cutover is the one that runs, or ran last; it is left out if there was none.
	Cutover *cutoverStatus `json:"cutover,omitempty"`
}

// serveStatus serves GET /status.
func (c *cutovers) serveStatus(w http.ResponseWriter, _ *http.Request) {
	s := clusterStatus{Active: c.cluster.Active().String(), Open: map[string]bool{}}
	for _, side := range fsm.Sides {
		s.Open[side.String()] = c.cluster.IsOpen(side)
	}
	c.mu.Lock()
	if c.last != nil {
		last := *c.last
		s.Cutover = &last
	}
	c.mu.Unlock()
	writeJSON(w, http.StatusOK, s)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(v)
}
