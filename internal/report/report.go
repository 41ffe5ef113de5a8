package report

import (
	"encoding/json"
	"slices"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/recorder"
	"github.com/e6data/e6data-go/internal/timeline"
)

// A Source is the recording of one client.
type Source struct {
	// Name names the client in the report, such as the path of the file.
	Name      string
	Recording *recorder.Recording
}

// Options are the options of a Report. The zero value of a field means its default.
type Options struct {
	// Since and Until are the window, both inclusive. Default: the whole recordings.
	Since, Until time.Time
	// Zone is the time zone of the report. Default: UTC.
	Zone *time.Location
}

// A Report describes recordings. Its JSON form is stable within a major version; durations are
// numbers of milliseconds.
type Report struct {
	// Kind is "report".
	Kind string `json:"kind"`
	// From and To are the earliest and the latest time in the window.
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Clients are the clients, in the order of the sources.
	Clients []Client `json:"clients"`
	// Changes are the changes of the active side, and the attempts of one, in the order of
	// time. The changes of several clients to one side within seconds are one Change.
	Changes []Change `json:"changes"`
	// Queries counts the queries by outcome.
	Queries map[string]int `json:"queries"`
	// Affected are the queries that were retried, replayed, continued, lost, or failed, in
	// the order of their ends. Queries that their callers cancelled are not among them.
	Affected []Query `json:"affected"`
	// Findings are what went wrong, with the advice. Those of a change have its number.
	Findings []Finding `json:"findings"`

	sources []timeline.Source
	zone    *time.Location
}

// A Client is the recording of one client in the window.
type Client struct {
	Name string `json:"name"`
	// From and To are its earliest and its latest time. Both are zero without
	// entries.
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	// Entries counts its entries.
	Entries int            `json:"entries"`
	Queries map[string]int `json:"queries"`
	// Strategy is its last state.
	Strategy string `json:"strategy"`
	// Damaged is the number of records that are not whole.
	Damaged int `json:"damaged"`
}

// A Query is the outcome of an affected query.
type Query struct {
	// Time is its end.
	Time   time.Time `json:"time"`
	Client string    `json:"client"`
	// Change is the number of the change during which it ran, and 0 for none.
	Change    int        `json:"change"`
	Outcome   string     `json:"outcome"`
	ID        string     `json:"id,omitempty"`
	Side      fsm.Side   `json:"side"`
	Took      Duration   `json:"took_ms"`
	Rows      int64      `json:"rows"`
	Retries   int        `json:"retries"`
	Replays   int        `json:"replays"`
	Continued int        `json:"continued"`
	Code      codes.Code `json:"-"`
	// CodeName is the gRPC code of its error, and empty for none.
	CodeName string `json:"code,omitempty"`
	// Reason is why a lost query was not replayed or continued: an e6.LossReason.
	Reason string `json:"reason,omitempty"`
}

// A Duration is a duration that is a number of milliseconds in JSON.
type Duration time.Duration

// MarshalJSON implements json.Marshaler.
func (d Duration) MarshalJSON() ([]byte, error) {
	return json.Marshal(float64(time.Duration(d).Round(time.Microsecond)) / float64(time.Millisecond))
}

// String is the duration with three or four digits.
func (d Duration) String() string { return timeline.Short(time.Duration(d)) }

// New reports recordings.
func New(o Options, sources ...Source) *Report {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	r := &Report{Kind: "report", Queries: map[string]int{}, Clients: []Client{}, Changes: []Change{}, Affected: []Query{}, Findings: []Finding{}, zone: o.Zone}
	var passages []*passage
	var records []*record
	for i, s := range sources {
		rec := newRecord(i, s, o)
		records = append(records, rec)
		passages = append(passages, rec.passages...)
		r.Clients = append(r.Clients, rec.client)
		r.sources = append(r.sources, timeline.Source{Name: s.Name, Entries: rec.entries})
		for outcome, n := range rec.client.Queries {
			r.Queries[outcome] += n
		}
		if c := rec.client; c.Entries > 0 && (r.From.IsZero() || c.From.Before(r.From)) {
			r.From = c.From
		}
		if rec.client.To.After(r.To) {
			r.To = rec.client.To
		}
	}
	r.merge(passages)
	r.advise(records)
	for _, rec := range records {
		for _, q := range rec.affected {
			if q.passage != nil {
				q.Change = q.passage.change
			}
			r.Affected = append(r.Affected, q.Query)
		}
	}
	slices.SortStableFunc(r.Affected, func(a, b Query) int { return a.Time.Compare(b.Time) })
	return r
}

// A record is what a report needs of one source.
type record struct {
	client   Client
	entries  []recorder.Entry
	window   Options
	passages []*passage
	affected []*affected
	// events are the events of no passage.
	events []event
	// firstQuery is the end of the first query that is recorded, and killed counts the
	// processes that ended without the end of their client.
	firstQuery time.Time
	killed     int
	// setBack is the longest time by which the clock was set back.
	setBack time.Duration
	// cutOff is set if the first entries of the router were overwritten.
	cutOff bool
}

// affected is an affected query and the passage that it belongs to.
type affected struct {
	Query
	passage *passage
}

// event is an event with its time.
type event struct {
	recorder.Event
	at time.Time
}

func newRecord(index int, s Source, o Options) *record {
	r := &record{client: Client{Name: s.Name, Queries: map[string]int{}}, window: o}
	if s.Recording != nil {
		r.entries, r.client.Damaged = s.Recording.Entries, s.Recording.Damaged
	}
	phases := timeline.Phases(r.entries, r.end())
	r.passages = slices.DeleteFunc(passagesOf(phases), func(p *passage) bool { return !r.overlaps(p.Began, p.Ended) })
	for _, p := range r.passages {
		p.client, p.record = index, r
	}
	slices.SortStableFunc(r.passages, func(a, b *passage) int { return a.Began.Compare(b.Began) })
	if n := len(phases); n > 0 {
		r.client.Strategy = phases[n-1].Label()
	}
	r.scan()
	for _, p := range r.passages {
		p.describe()
	}
	return r
}

// end is the latest time, and the end of the window if that is earlier.
func (r *record) end() (last time.Time) {
	for _, e := range r.entries {
		last = later(last, e.Time)
	}
	if u := r.window.Until; !u.IsZero() {
		last = earlier(last, u)
	}
	return last
}

// overlaps reports whether a time is in the window, at least in part.
func (r *record) overlaps(from, to time.Time) bool {
	return (r.window.Since.IsZero() || !to.Before(r.window.Since)) && (r.window.Until.IsZero() || !from.After(r.window.Until))
}

// scan counts the entries of the window, and adds events and queries to the passages.
func (r *record) scan() {
	lost := map[string]string{} // the reasons of losses, by query id
	open, router := false, false
	var before time.Time
	for _, e := range r.entries {
		if e.Time.Before(before) && r.overlaps(e.Time, before) {
			r.setBack = max(r.setBack, before.Sub(e.Time))
		}
		before = e.Time
		if _, ok := e.Data.(recorder.Query); ok && r.firstQuery.IsZero() {
			r.firstQuery = e.Time
		}
		switch d := e.Data.(type) {
		case recorder.Start:
			if open && r.overlaps(e.Time, e.Time) {
				r.killed++
			}
			open, router = true, true
		case recorder.Step, recorder.Checkpoint, fsm.Transition:
			r.cutOff = r.cutOff || !router
			router = true
		case recorder.Event:
			if d.Kind == events.KindClosed {
				open = false
			}
		}
		if !r.overlaps(e.Time, e.Time) {
			continue
		}
		if r.client.Entries++; r.client.Entries == 1 {
			r.client.From = e.Time
		}
		r.client.From, r.client.To = earlier(r.client.From, e.Time), later(r.client.To, e.Time)
		switch d := e.Data.(type) {
		case recorder.Event:
			if d.Kind == events.KindQueryLost {
				lost[text(d, "query_id")] = text(d, "loss_reason")
			}
			r.event(event{d, e.Time})
		case recorder.Query:
			r.client.Queries[d.Outcome()]++
			r.query(e.Time, d)
		}
	}
	for _, q := range r.affected {
		if q.Outcome == "lost" {
			q.Reason = lost[q.ID]
		}
	}
}

// query adds an affected query to its passage.
func (r *record) query(at time.Time, d recorder.Query) {
	if d.Outcome() == "ok" || d.Outcome() == "failed" && d.Code == codes.Canceled {
		return
	}
	q := &affected{Query: Query{
		Time: at, Client: r.client.Name, Outcome: d.Outcome(), ID: d.ID, Side: d.Side, Took: Duration(d.Took), Rows: d.Rows,
		Retries: d.Retries, Replays: d.Replays, Continued: d.Continued, Code: d.Code,
	}}
	if d.Code != codes.OK {
		q.CodeName = d.Code.String()
	}
	q.passage = r.during(at.Add(-d.Took), at, d)
	if q.passage == nil && q.Outcome == "lost" {
		q.passage = r.leaving(at, d.Side)
	}
	if p := q.passage; p != nil {
		p.Queries[q.Outcome]++
		p.affected = append(p.affected, q)
	}
	r.affected = append(r.affected, q)
}

// lead and lag are the times before and after a passage in which what happens belongs to it: the
// refusal that starts a detection precedes it, and a query ends later than its last call.
const (
	lead = time.Second
	lag  = 2 * time.Second
)

// during is the last passage that a query was affected by: it ran then. A query that was repeated
// ends on the new side, and one that was lost ends on the old side: these passages come first.
func (r *record) during(began, ended time.Time, d recorder.Query) (found *passage) {
	for i := r.startedBefore(ended.Add(lead)) - 1; i >= 0; i-- {
		p := r.passages[i]
		if p.Ended.Add(lead).Before(began) {
			break
		}
		if found == nil {
			found = p
		}
		if d.Lost && p.From == d.Side || !d.Lost && p.To == d.Side {
			return p
		}
	}
	return found
}

// startedBefore is the number of passages that began by that time. They do not overlap, unless the
// clock was set back.
func (r *record) startedBefore(at time.Time) int {
	n, _ := slices.BinarySearchFunc(r.passages, at, func(p *passage, at time.Time) int {
		if p.Began.After(at) {
			return 1
		}
		return -1
	})
	return n
}

// leaving is the last passage before a time that left a side.
func (r *record) leaving(at time.Time, side fsm.Side) *passage {
	for i := r.startedBefore(at) - 1; i >= 0; i-- {
		if p := r.passages[i]; p.Made && p.From == side {
			return p
		}
	}
	return nil
}

// event adds an event to the passage that it happened in, or next to.
func (r *record) event(e event) {
	i := r.startedBefore(e.at)
	var before, next *passage
	if i > 0 {
		before = r.passages[i-1]
	}
	if i < len(r.passages) {
		next = r.passages[i]
	}
	since, until := lag+1, lead+1
	if before != nil {
		since = max(0, e.at.Sub(before.Ended))
	}
	if next != nil {
		until = next.Began.Sub(e.at)
	}
	switch {
	case since == 0, since <= lag && (until > lead || since <= until):
		before.events = append(before.events, e)
	case until <= lead:
		next.events = append(next.events, e)
	case e.Kind == events.KindQueryLost && r.leaving(e.at, sideOf(e.Event, "side")) != nil:
		p := r.leaving(e.at, sideOf(e.Event, "side"))
		p.events = append(p.events, e)
	default:
		r.events = append(r.events, e)
	}
}

// text, number and sideOf are attributes of an event.
func text(e recorder.Event, key string) string {
	s, _ := e.Attrs[key].(string)
	return s
}

func number(e recorder.Event, key string) float64 {
	switch n := e.Attrs[key].(type) {
	case float64:
		return n
	case int64:
		return float64(n)
	case uint64:
		return float64(n)
	case int:
		return float64(n)
	}
	return 0
}

func ms(e recorder.Event, key string) time.Duration {
	return time.Duration(number(e, key) * float64(time.Millisecond))
}

func sideOf(e recorder.Event, key string) fsm.Side {
	side, _ := fsm.ParseSide(text(e, key))
	return side
}
