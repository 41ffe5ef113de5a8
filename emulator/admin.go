package emulator

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/fsm"
)

// defaultGrace is the time between announcement and refusal of a cutover that
// names none.
const defaultGrace = 5 * time.Second

// maxGrace bounds the time for which a request may occupy the handler.
const maxGrace = time.Hour

// cutoverKinds are the values of the parameter kind.
var cutoverKinds = map[string]e6test.CutoverKind{
	"":               e6test.Graceful,
	"graceful":       e6test.Graceful,
	"abrupt":         e6test.Abrupt,
	"announce-first": e6test.AnnounceFirst,
}

// AdminHandler returns the handler that steers a cluster over plain HTTP. It
// does not authenticate anybody: serve it on a loopback address.
//
//	POST /announce?to=green             announce a side in every response
//	POST /open?side=green               let the ingress pass calls to a side
//	POST /close?side=blue               let the ingress refuse them
//	POST /cutover?to=green&grace=5s     cut over; answers when it is done
//	     &kind=graceful|abrupt|announce-first
//	POST /suspend, /resume              the whole cluster
//	POST /expire-sessions               every session of both sides
//	GET  /stats                         what was called, as JSON
//
// An answer of 200 means done. A parameter that is missing or wrong is 400 with
// a text that says which, another method 405, a cutover that cannot be done 409.
func AdminHandler(cluster *e6test.Cluster) http.Handler {
	mux := http.NewServeMux()
	post := func(path string, do func(q url.Values) error) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			if err := do(r.URL.Query()); err != nil {
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
		})
	}
	onSide("/announce", "to", cluster.Announce)
	onSide("/open", "side", cluster.OpenSide)
	onSide("/close", "side", cluster.CloseSide)
	post("/suspend", func(url.Values) error { cluster.Suspend(); return nil })
	post("/resume", func(url.Values) error { cluster.Resume(); return nil })
	post("/expire-sessions", func(url.Values) error { cluster.ExpireSessions(); return nil })
	mux.HandleFunc("POST /cutover", func(w http.ResponseWriter, r *http.Request) { cutOver(cluster, w, r) })
	mux.HandleFunc("GET /stats", func(w http.ResponseWriter, _ *http.Request) { writeStats(cluster, w) })
	return mux
}

// sideParam reads a side out of the query string.
func sideParam(q url.Values, name string) (fsm.Side, error) {
	side, err := fsm.ParseSide(q.Get(name))
	if err != nil {
		return fsm.None, fmt.Errorf("parameter %s: %w", name, err)
	}
	return side, nil
}

// cutOver serves POST /cutover.
func cutOver(cluster *e6test.Cluster, w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	to, err := sideParam(q, "to")
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	kind, ok := cutoverKinds[q.Get("kind")]
	if !ok {
		http.Error(w, fmt.Sprintf("parameter kind: unknown %q: expected graceful, abrupt or announce-first", q.Get("kind")), http.StatusBadRequest)
		return
	}
	grace := defaultGrace
	if q.Has("grace") {
		grace, err = time.ParseDuration(q.Get("grace"))
		if err != nil || grace < 0 || grace > maxGrace {
			http.Error(w, fmt.Sprintf("parameter grace: %q is no duration between 0s and %s, such as 5s", q.Get("grace"), maxGrace), http.StatusBadRequest)
			return
		}
	}
	// A cutover that has begun goes on when whoever asked for it has left.
	err = cluster.Cutover(context.WithoutCancel(r.Context()), e6test.Cutover{To: to, Kind: kind, Grace: grace})
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	_, _ = fmt.Fprintln(w, "ok")
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
	w.Header().Set("Content-Type", "application/json")
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	_ = enc.Encode(statsOf(cluster))
}
