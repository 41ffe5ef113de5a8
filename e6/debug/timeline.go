package debug

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/e6data/e6data-go/internal/report"
	"github.com/e6data/e6data-go/internal/timeline"
)

// howToRecord is the answer for a client without a flight recorder.
const howToRecord = `the client has no flight recorder: open it with e6.WithRecorder(recorder.File("/var/lib/app/e6.rec"))`

// moment is the document moment.json: the state of the strategy machine at a time, and its place
// in the recorded history.
type moment struct {
	// First and Now are the begin and the end of the recorded history.
	First time.Time `json:"first"`
	Now   time.Time `json:"now"`
	// From and To are the window.
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// At is the time of State. Live is set if it is the end of the history.
	At   time.Time `json:"at"`
	Live bool      `json:"live"`
	// State is missing if the client was not open at that time.
	State *timeline.Band `json:"state,omitempty"`
	// Previous and Next are the changes of the active side before and after At.
	Previous *change `json:"previous,omitempty"`
	Next     *change `json:"next,omitempty"`
}

// serveHistory answers the requests for parts of the flight recording.
func (h *handler) serveHistory(w http.ResponseWriter, r *http.Request, name string) {
	if h.history == nil {
		http.Error(w, howToRecord, http.StatusNotFound)
		return
	}
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	end, err := h.history.begin(r.Context())
	if err != nil {
		return // the reader has gone
	}
	body, at, err := h.part(name, q)
	end() // before the answer is written, which a slow reader may delay
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", historyTypes[name])
	if form, ok := reportForms[name]; ok {
		w.Header().Set("Content-Disposition", fmt.Sprintf(`attachment; filename="e6-report-%s.%s"`, at.UTC().Format("20060102T150405Z"), form.extension))
	}
	_, _ = w.Write(body) // the reader has gone: no error to report
}

var historyTypes = map[string]string{
	"moment.json":  "application/json",
	"timeline.svg": "image/svg+xml",
	"report.html":  "text/html; charset=utf-8",
	"report.json":  "application/json",
	"report.txt":   "text/plain; charset=utf-8",
}

// reportForms are the forms of the report.
var reportForms = map[string]struct {
	extension string
	write     func(*report.Report, *bytes.Buffer) error
}{
	"report.html": {"html", func(r *report.Report, b *bytes.Buffer) error { return r.Page(b) }},
	"report.json": {"json", func(r *report.Report, b *bytes.Buffer) error { return r.JSON(b) }},
	"report.txt":  {"txt", func(r *report.Report, b *bytes.Buffer) error { return r.Text(b) }},
}

// part makes a document about a part of the recording, and returns it with the end of the part.
func (h *handler) part(name string, q query) (body []byte, to time.Time, err error) {
	s, err := h.history.snapshot()
	if err != nil {
		return nil, to, err
	}
	v := s.window(q)
	switch form, ok := reportForms[name]; {
	case ok:
		var b bytes.Buffer
		o := report.Options{Since: v.from, Until: v.to, Zone: q.zone}
		err = form.write(report.New(o, report.Source{Name: h.name(), Recording: s.recording}), &b)
		body = b.Bytes()
	case name == "timeline.svg":
		body, err = s.drawing(fmt.Sprint(v.from.UnixNano(), v.to.UnixNano(), v.at.UnixNano(), q.width, q.east), func() ([]byte, error) { return s.svg(v, q) })
	default:
		body, err = json.MarshalIndent(s.moment(v), "", "  ")
	}
	return body, v.to, err
}

// name names the client in a report.
func (h *handler) name() string {
	report := h.client.Health()
	if report.Cluster != "" {
		return report.Cluster
	}
	return report.Address
}

// svg draws a window. The page has the styles.
func (s *snapshot) svg(v window, q query) ([]byte, error) {
	o := timeline.Options{From: v.from, To: v.to, Width: q.width, Zone: q.zone}
	if !v.live {
		o.Cursor = v.at
	}
	svg, err := timeline.New(o, timeline.Source{Entries: s.recording.Entries}).SVG()
	return []byte(svg), err
}

func (s *snapshot) moment(v window) moment {
	m := moment{First: s.first, Now: s.now, From: v.from, To: v.to, At: v.at, Live: v.live}
	if p := s.phaseAt(v.at); p != nil {
		band := p.Band()
		m.State = &band
	}
	m.Previous, m.Next = s.around(v.at)
	return m
}
