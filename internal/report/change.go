package report

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/timeline"
)

// A Change is a change of the active side, or an attempt of one, of one or several clients.
type Change struct {
	// Number counts the changes from 1.
	Number int `json:"number"`
	// Kind is the kind of the change: announced, store, requested, rolled_back, abrupt,
	// detected or reset.
	Kind events.ChangeKind `json:"kind"`
	// From and To are the sides. From is none on first use, and To after a reset and for a
	// detection that found no side.
	From fsm.Side `json:"from"`
	To   fsm.Side `json:"to"`
	// Made is set if the active side is To at the end. It is false if an attempt was aborted
	// or failed.
	Made bool `json:"made"`
	// Summary describes the change in one line.
	Summary string `json:"summary"`
	// Cause is its first cause.
	Cause string `json:"cause"`
	// Began is its first sign and Ended its end, over all clients.
	Began time.Time `json:"began"`
	Ended time.Time `json:"ended"`
	// Queries counts the affected queries by outcome.
	Queries map[string]int `json:"queries"`
	// Clients are the clients that changed, in the order in which they began.
	Clients []ClientChange `json:"clients"`

	passages []*passage
}

// A ClientChange is the part of one client in a Change.
type ClientChange struct {
	Name string            `json:"name"`
	Kind events.ChangeKind `json:"kind"`
	// Began is its first sign, and Changed when the active side changed: nil if it did not.
	Began   time.Time  `json:"began"`
	Changed *time.Time `json:"changed,omitempty"`
	Ended   time.Time  `json:"ended"`
	// Took is the time from Began to Changed, or to Ended.
	Took   Duration `json:"took_ms"`
	Phases []Phase  `json:"phases"`
	// Result is drained, deadline, refused, superseded, aborted, settled, reset, failed,
	// closed or ongoing.
	Result string `json:"result"`
	// EndCause is the cause of the end.
	EndCause string `json:"end_cause,omitempty"`
	// InFlight is the number of queries on From when the active side changed.
	InFlight int64          `json:"in_flight"`
	Queries  map[string]int `json:"queries"`
}

// together is the time within which the changes of several clients to one side are one change.
const together = 10 * time.Second

// merge makes changes from the passages of the clients.
func (r *Report) merge(passages []*passage) {
	slices.SortStableFunc(passages, func(a, b *passage) int { return a.Began.Compare(b.Began) })
	for _, p := range passages {
		c := r.changeFor(p)
		p.change = c.Number
		c.passages = append(c.passages, p)
		c.Began, c.Ended = earlier(c.Began, p.Began), later(c.Ended, p.Ended)
		for outcome, n := range p.Queries {
			c.Queries[outcome] += n
		}
		c.Clients = append(c.Clients, p.clientChange())
	}
	for i := range r.Changes {
		r.Changes[i].Summary = r.Changes[i].summary()
	}
}

// changeFor returns the change that a passage belongs to, which is a new one if no other client
// made the same within seconds. A client takes part in a change once.
func (r *Report) changeFor(p *passage) *Change {
	for i := len(r.Changes) - 1; i >= 0; i-- {
		c := &r.Changes[i]
		first := c.passages[0]
		if p.Began.Sub(first.Began) > together {
			break
		}
		own := slices.ContainsFunc(c.passages, func(q *passage) bool { return q.client == p.client })
		if !own && first.To == p.To && first.Made == p.Made && (first.From == p.From || first.Made) {
			return c
		}
	}
	r.Changes = append(r.Changes, Change{
		Number: len(r.Changes) + 1, Kind: p.Kind, From: p.From, To: p.To, Made: p.Made, Cause: p.Cause.String(), Began: p.Began, Queries: map[string]int{},
	})
	return &r.Changes[len(r.Changes)-1]
}

func (g *passage) clientChange() ClientChange {
	c := ClientChange{
		Name: g.record.client.Name, Kind: g.Kind, Began: g.Began, Ended: g.Ended, Took: Duration(g.took()), Phases: append([]Phase{}, g.Phases...), Result: g.Result,
		EndCause: g.EndCause.String(), InFlight: g.InFlight, Queries: g.Queries,
	}
	if !g.At.IsZero() {
		c.Changed = &g.At
	}
	return c
}

// summary describes a change in one line.
func (c *Change) summary() string {
	kind := kindTexts[c.Kind]
	took := c.slowest()
	switch {
	case c.To == fsm.None && c.Kind == events.ChangeReset:
		return fmt.Sprintf("%s to no side, %s", c.From, kind)
	case c.To == fsm.None:
		return fmt.Sprintf("no side was found after %s", took)
	case !c.Made && c.From == c.To:
		return fmt.Sprintf("%s refused or failed, and accepted again after %s", c.From, took)
	case !c.Made && c.Clients[0].Result == resultAborted && c.Clients[0].Changed != nil:
		return fmt.Sprintf("%s to %s, %s, and back to %s after %s", c.From, c.To, kind, c.From, Duration(c.Ended.Sub(c.Began)))
	case !c.Made && c.Clients[0].Result == resultOngoing:
		return fmt.Sprintf("%s to %s, %s, not finished after %s", c.From, c.To, kind, took)
	case !c.Made:
		return fmt.Sprintf("%s to %s, %s, but not made: %s stayed active; ended after %s", c.From, c.To, kind, c.From, took)
	case c.From == fsm.None:
		return fmt.Sprintf("%s is active, %s in %s", c.To, kind, took)
	}
	return fmt.Sprintf("%s to %s, %s, in %s", c.From, c.To, kind, took)
}

var kindTexts = map[events.ChangeKind]string{
	events.ChangeAnnounced: "announced", events.ChangeStore: "named by the store", events.ChangeRequested: "requested",
	events.ChangeRolledBack: "rolled back", events.ChangeAborted: "aborted", events.ChangeAbrupt: "without an announcement",
	events.ChangeDetected: "found on first use", events.ChangeReset: "reset by the application",
}

// slowest is the longest duration among the clients.
func (c *Change) slowest() (d Duration) {
	for _, one := range c.Clients {
		d = max(d, one.Took)
	}
	return d
}

// resultText describes how the part of a client ended.
func (c *Change) resultText(one ClientChange) string {
	switch one.Result {
	case resultDrained:
		return fmt.Sprintf("the last query on %s ended", c.From)
	case resultDeadline:
		return fmt.Sprintf("queries still ran on %s at the end of Config.DrainTimeout", c.From)
	case resultRefused:
		return fmt.Sprintf("%s refused a call", c.From)
	case resultSuperseded:
		return "the next change began"
	case resultAborted:
		return "aborted: " + one.EndCause
	case resultSettled:
		return "a side accepted"
	case resultReset:
		return "the application reset the client"
	case resultFailed:
		return "the detection failed: " + one.EndCause
	case resultClosed:
		return "the client was closed"
	}
	return "not ended in the recording"
}

// phasesText lists phases with their durations.
func phasesText(phases []Phase) (list []string) {
	for _, p := range phases {
		list = append(list, fmt.Sprintf("%s %s", p.Name, p.Took))
	}
	return list
}

// countsText lists counts of queries, the most severe outcome first.
func countsText(counts map[string]int) (list []string) {
	for _, o := range timeline.Outcomes() {
		if counts[o] > 0 {
			list = append(list, fmt.Sprintf("%d %s", counts[o], o))
		}
	}
	return list
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// bySeverity orders affected queries: the lost ones, then those of a change, each by their
// outcomes. Failures outside of a change are mostly those of the statement.
func bySeverity(a, b Query) int { return cmp.Compare(a.severity(), b.severity()) }

func (q Query) severity() int {
	n := slices.Index(timeline.Outcomes(), q.Outcome)
	if q.Change == 0 && q.Outcome != "lost" {
		n += len(timeline.Outcomes())
	}
	return n
}
