package playground

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
)

const (
	shownChanges = 6
	shownEnded   = 8
	shownEvents  = 40
	// window is the time that rates and latencies are about.
	window = 5 * time.Second
)

// Snapshot is the playground at one time. Durations are in milliseconds.
type Snapshot struct {
	At       time.Time  `json:"at"`
	Strategy fsm.Report `json:"strategy"`
	Step     Step       `json:"step"`
	Load     bool       `json:"load"` // queries are started
	Totals   Totals     `json:"totals"`
	Sides    []Side     `json:"sides"` // blue first
	Running  []Running  `json:"running"`
	Ended    []Ended    `json:"ended"`   // the newest first
	Changes  []Change   `json:"changes"` // the newest first
	Events   []Event    `json:"events"`  // the newest first
	Demo     Demo       `json:"demo"`
	// Problem is the error of the last command, and Failure that of the last failed query.
	Problem string `json:"problem"`
	Failure string `json:"failure"`
}

// Counts counts ended queries by their outcome. Failed includes the lost ones.
type Counts struct {
	Queries   int `json:"queries"`
	Retried   int `json:"retried"`
	Replayed  int `json:"replayed"`
	Continued int `json:"continued"`
	Failed    int `json:"failed"`
}

// Totals counts everything since the last reset. Wrong are results that differ from the
// expected ones. Cutovers are changes from one side to the other.
type Totals struct {
	Counts
	Wrong    int `json:"wrong"`
	Cutovers int `json:"cutovers"`
}

// Side is a side of the cluster.
type Side struct {
	Name string `json:"name"`
	// Open, Announced and Healthy are what the ingress does; Serves is set if the client
	// sends new queries to the side.
	Open      bool `json:"open"`
	Announced bool `json:"announced"`
	Healthy   bool `json:"healthy"`
	Serves    bool `json:"serves"`
	Running   int  `json:"running"`
	// PerSecond, P50 and P95 are about the last seconds, and 0 without queries.
	PerSecond float64 `json:"per_second"`
	P50       int64   `json:"p50_ms"`
	P95       int64   `json:"p95_ms"`
	Refused   int64   `json:"refused"` // calls
	Counts
}

// Running is a query that runs.
type Running struct {
	Number  int      `json:"number"`
	Tag     string   `json:"tag"`
	SQL     string   `json:"sql"`
	Side    fsm.Side `json:"side"`
	Step    string   `json:"step"`
	Attempt int      `json:"attempt"`
	Age     int64    `json:"age_ms"`

	started time.Time
}

// Ended is a query that has ended. Outcome is that of recorder.Query.
type Ended struct {
	Number  int       `json:"number"`
	Tag     string    `json:"tag"`
	Side    fsm.Side  `json:"side"`
	Outcome string    `json:"outcome"`
	At      time.Time `json:"at"`
	Took    int64     `json:"took_ms"`
	Rows    int64     `json:"rows"`
}

// Change is a change of the active side.
type Change struct {
	At       time.Time         `json:"at"`
	From     fsm.Side          `json:"from"`
	To       fsm.Side          `json:"to"`
	Kind     events.ChangeKind `json:"kind"`
	Cause    string            `json:"cause"`
	Took     int64             `json:"took_ms"`
	InFlight int64             `json:"in_flight"`
}

// Event is an event of the client.
type Event struct {
	Seq   uint64    `json:"seq"`
	At    time.Time `json:"at"`
	Kind  string    `json:"kind"`
	Level string    `json:"level"`
	Text  string    `json:"text"`
}

// Step is the last step of the strategy machine.
type Step struct {
	From  fsm.State `json:"from"`
	To    fsm.State `json:"to"`
	Event fsm.Event `json:"event"`
	At    time.Time `json:"at"`
}

// Demo is the state of the demo. Caption is empty before and after it.
type Demo struct {
	Playing bool   `json:"playing"`
	Scene   int    `json:"scene"`
	Scenes  int    `json:"scenes"`
	Caption string `json:"caption"`
}

// Snapshot describes the playground now.
func (p *Playground) Snapshot() Snapshot {
	p.mu.Lock()
	w, problem := p.world, p.problem
	p.mu.Unlock()
	s := Snapshot{
		At: time.Now(), Strategy: w.client.Strategy().Report(), Load: w.load.running(), Demo: p.demo.snapshot(), Problem: problem,
		Running: []Running{}, Ended: []Ended{}, Changes: []Change{}, Events: []Event{},
	}
	w.describeSides(&s)
	w.queries.describe(&s)
	w.describeEvents(&s)
	return s
}

func (w *world) describeSides(s *Snapshot) {
	stats := w.client.Stats()
	strategy := w.client.Strategy()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, side := range fsm.Sides {
		s.Sides = append(s.Sides, Side{
			Name: side.String(), Open: w.cluster.IsOpen(side), Announced: w.announced == side, Healthy: len(w.faults[side]) == 0,
			Serves: strategy.Active == side, Running: int(stats.InFlight[side]), Refused: stats.Refused[side],
		})
	}
	s.Changes = append(s.Changes, w.changes...)
	slices.Reverse(s.Changes)
	s.Totals.Cutovers, s.Step = w.cutovers, w.step
}

func (w *world) describeEvents(s *Snapshot) {
	history := w.client.History()
	for _, e := range slices.Backward(history[max(0, len(history)-shownEvents):]) {
		text := e.String()
		if cause := e.Cause.String(); cause != "" && !strings.HasSuffix(text, cause) {
			text += " (" + cause + ")"
		}
		s.Events = append(s.Events, Event{Seq: e.Seq, At: e.Time, Kind: string(e.Kind()), Level: e.Level().String(), Text: text})
	}
}

// describe adds the queries.
func (q *queries) describe(s *Snapshot) {
	q.mu.Lock()
	defer q.mu.Unlock()
	cutovers := s.Totals.Cutovers
	s.Totals, s.Failure = q.totals, q.failure
	s.Totals.Cutovers = cutovers
	for _, r := range q.running {
		r := *r
		r.Age = ms(s.At.Sub(r.started))
		s.Running = append(s.Running, r)
	}
	slices.SortFunc(s.Running, func(a, b Running) int { return cmp.Compare(a.Number, b.Number) })
	for _, e := range slices.Backward(q.ended[max(0, len(q.ended)-shownEnded):]) {
		s.Ended = append(s.Ended, e)
	}
	for i, side := range fsm.Sides {
		s.Sides[i].Counts = q.sides[side]
		s.Sides[i].PerSecond, s.Sides[i].P50, s.Sides[i].P95 = q.recent(side, s.At)
	}
}

// recent is the rate and the latencies of a side within the window.
func (q *queries) recent(side fsm.Side, now time.Time) (perSecond float64, p50, p95 int64) {
	var took []int64
	for _, e := range slices.Backward(q.ended) {
		if now.Sub(e.At) >= window {
			break
		}
		if e.Side == side {
			took = append(took, e.Took)
		}
	}
	if len(took) == 0 {
		return 0, 0, 0
	}
	slices.Sort(took)
	return float64(len(took)) / window.Seconds(), took[len(took)/2], took[len(took)*95/100]
}

// ms is a duration in milliseconds, rounded.
func ms(d time.Duration) int64 { return d.Round(time.Millisecond).Milliseconds() }
