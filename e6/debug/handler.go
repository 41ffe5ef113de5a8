package debug

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/e6data/e6data-go/e6"
)

// maxStreams limits the open pages of one Handler. A browser holds one stream
// for each tab.
const maxStreams = 16

// Option changes a Handler.
type Option func(*handler)

// WithHosts answers only requests whose Host header is one of these, so that a
// foreign name that was made to resolve to this address shows nothing. A host
// without a port stands for all ports. Without this option any host will do;
// with an empty list, none.
func WithHosts(hosts ...string) Option {
	return func(h *handler) {
		if h.hosts == nil {
			h.hosts = make(map[string]bool)
		}
		for _, host := range hosts {
			h.hosts[strings.ToLower(host)] = true
		}
	}
}

type handler struct {
	client  *e6.Client
	hosts   map[string]bool // nil for any
	sampler *sampler
	history *history      // nil without a flight recorder
	streams chan struct{} // a slot for each
}

// Handler serves the page about a client. It may be mounted below any prefix,
// with or without http.StripPrefix, as long as the path of the page ends with a
// slash.
//
// The stream named events begins with a message "state", which holds a State.
// Then come "event" with an Event, "tick" with a Tick every second and after
// each change of the strategy, and "state" again after events were missed. It
// ends with "closed" if the client is. At most 16 streams are open at a time;
// more are refused with status 503. A stream ends with its request and with the
// client, and no limit of http.Server.WriteTimeout applies to it. As
// http.Server.Shutdown waits for open streams, close the client first.
//
// If the client has a flight recorder (e6.WithRecorder), the page shows its timeline, and reports
// can be downloaded: see the package documentation. The recording is read only for requests, at
// most once a second for all of them together, and for at most a tenth of the time. At most 2 requests are drawn at a time; others wait.
//
// From the call of Handler until the client is closed, one sample a second is
// taken of the client's counters, so that a page that is opened late still shows
// the last ten minutes.
func Handler(c *e6.Client, opts ...Option) http.Handler {
	h := &handler{client: c, streams: make(chan struct{}, maxStreams)}
	for _, opt := range opts {
		opt(h)
	}
	h.sampler = record(c)
	if r := c.Recorder(); r != nil {
		h.history = newHistory(r, h.sampler.over)
	}
	return h
}

// ServeHTTP implements http.Handler. The resource is the last part of the
// path, since the handler does not know where it is mounted.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	if status, reason := h.refuse(r); status != 0 {
		if status == http.StatusMethodNotAllowed {
			w.Header().Set("Allow", "GET, HEAD")
		}
		http.Error(w, reason, status)
		return
	}
	name := r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
	switch name {
	case "state.json":
		h.serveState(w)
	case "events":
		h.serveStream(w, r)
	case "moment.json", "timeline.svg", "report.html", "report.json", "report.txt":
		h.serveHistory(w, r, name)
	default:
		a, ok := assets[name]
		if !ok {
			http.Error(w, "there is no such page; the path of the page ends with a slash", http.StatusNotFound)
			return
		}
		w.Header().Set("Content-Type", a.contentType)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.body))
	}
}

func (h *handler) serveState(w http.ResponseWriter) {
	body, err := json.MarshalIndent(h.state(time.Time{}), "", "  ")
	if err != nil {
		http.Error(w, "the state cannot be written: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(body, '\n')) // the client has gone: no error to report
}
