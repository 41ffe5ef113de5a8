package emulator

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
)

// AdminHandler returns the handler that steers a cluster over plain HTTP. It
// has no authentication: serve it on a loopback address.
//
//	POST /announce?to=green             announce a side in every response
//	POST /open?side=green               let the ingress pass calls to a side
//	POST /close?side=blue               let the ingress refuse them
//	POST /cutover?to=green&grace=5s     cut over; the origin closes after 5 s
//	     &kind=graceful|abrupt|announce-first
//	GET  /status                        the sides and the last cutover, as JSON
//	POST /suspend, /resume              the whole cluster
//	POST /expire-sessions               every session of both sides
//	GET  /stats                         what was called, as JSON
//
// An answer of 200 means done. A cutover with a grace period is answered with 202 at
// once and continues in the background; GET /status reports when it is done. The grace is 5 s
// by default and 1 h at most; an abrupt cutover has none. A parameter that is missing,
// wrong or unknown is 400 with a text that names it, another method 405, a cutover while another
// one runs 409.
func AdminHandler(cluster *e6test.Cluster) http.Handler {
	mux := http.NewServeMux()
	post := func(path string, do func(q url.Values) error, names ...string) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			q, err := params(r, names...)
			if err == nil {
				err = do(q)
			}
			if err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			_, _ = fmt.Fprintln(w, "ok")
		})
	}
	onSide := func(path, param string, do func(fsm.Side)) {
		post(path, func(q url.Values) error {
			side, err := sideParam(q, param)
			if err == nil {
				do(side)
			}
			return err
		}, param)
	}
	onSide("/announce", "to", cluster.Announce)
	onSide("/open", "side", cluster.OpenSide)
	onSide("/close", "side", cluster.CloseSide)
	post("/suspend", func(url.Values) error { cluster.Suspend(); return nil })
	post("/resume", func(url.Values) error { cluster.Resume(); return nil })
	post("/expire-sessions", func(url.Values) error { cluster.ExpireSessions(); return nil })
	c := &cutovers{cluster: cluster}
	mux.HandleFunc("POST /cutover", c.serve)
	mux.HandleFunc("GET /status", c.serveStatus)
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) { writeStats(cluster, w) })
	return mux
}

// params reads the query string of a request, which may have these parameters, each once.
func params(r *http.Request, names ...string) (url.Values, error) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, errors.New("parameter list is not well formed: want name=value, joined by & and percent-encoded")
	}
	for _, name := range slices.Sorted(maps.Keys(q)) {
		switch {
		case !slices.Contains(names, name) && len(names) == 0:
			return nil, fmt.Errorf("parameter %q is unknown: there are none", name)
		case !slices.Contains(names, name):
			return nil, fmt.Errorf("parameter %q is unknown: want %s", name, strings.Join(names, ", "))
		case len(q[name]) > 1:
			return nil, fmt.Errorf("parameter %s is given more than once: want one value", name)
		}
	}
	return q, nil
}

// sideParam reads a side out of the query string.
func sideParam(q url.Values, name string) (fsm.Side, error) {
	side, err := fsm.ParseSide(q.Get(name))
	if err != nil {
		return fsm.None, fmt.Errorf("parameter %s: %w", name, err)
	}
	return side, nil
}

// stats is the answer to GET /stats.
type stats struct {
	// Calls counts the calls by method, refused ones included.
	Calls map[string]int `json:"calls"`
	// Refused456 counts the calls that the ingress refused for their side.
	Refused456 int `json:"refused456"`
	// InFlight counts the calls that the engines are busy with, by side.
	InFlight map[string]int `json:"inflight"`
	// Active is the side for new queries, or "none" if both are closed.
	Active string `json:"active"`
}

func statsOf(cluster *e6test.Cluster) stats {
	seen := cluster.Stats()
	s := stats{
		Calls:      seen.Calls,
		Refused456: seen.Refused456,
		InFlight:   make(map[string]int),
		Active:     cluster.Active().String(),
	}
	if s.Calls == nil {
		s.Calls = make(map[string]int)
	}
	for _, side := range fsm.Sides {
		s.InFlight[side.String()] = seen.InFlight[side]
	}
	return s
}

func writeStats(cluster *e6test.Cluster, w http.ResponseWriter) {
	writeJSON(w, http.StatusOK, statsOf(cluster))
}
