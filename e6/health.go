package e6

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
)

// RollbackPolicy defines when the client returns to the old side after a cutover. The zero
// value of a field means its default.
//
// Only failures of the stack count: calls without a response, broken connections, and the
// client's own timeouts. A response of the engine counts as success, also an error.
type RollbackPolicy struct {
	// MinRequests is the number of executions that must have ended on the new side before
	// the policy is checked. Default: 20.
	MinRequests int64
	// ErrorRate is the share of failed executions that breaches the policy, above 0 and
	// at most 1. Default: 0.2.
	ErrorRate float64
	// LatencyRatio is the factor, 1 or more, between the median latencies of the new side
	// and of the old side at the cutover that breaches the policy. It is checked if both
	// sides had MinRequests. Default: 5.
	LatencyRatio float64
	// Probation is the time, from the moment when the new side accepts, in which the
	// policy is checked. Default: 5 minutes.
	Probation time.Duration
	// CoolDown is the time in which announcements of the side that was left are ignored,
	// unless it is the only one that accepts. There is at most one automatic rollback
	// within it. Default: 30 minutes.
	CoolDown time.Duration
}

// fields are the fields with their defaults and limits.
func (p *RollbackPolicy) fields() []limited {
	return []limited{
		limit[int64]{"RollbackPolicy.MinRequests", &p.MinRequests, 20, 1, 1_000_000_000},
		limit[float64]{"RollbackPolicy.ErrorRate", &p.ErrorRate, 0.2, 1e-6, 1},
		limit[float64]{"RollbackPolicy.LatencyRatio", &p.LatencyRatio, 5, 1, 1e6},
		limit[time.Duration]{"RollbackPolicy.Probation", &p.Probation, 5 * time.Minute, time.Millisecond, 30 * day},
		limit[time.Duration]{"RollbackPolicy.CoolDown", &p.CoolDown, 30 * time.Minute, time.Millisecond, 30 * day},
	}
}

func (p RollbackPolicy) withDefaults() RollbackPolicy {
	fillAll(p.fields())
	return p
}

// problems lists the invalid fields.
func (p RollbackPolicy) problems() []Problem { return problemsOfAll(p.fields()) }

// HealthReport is the state of a client: see Client.Health. It contains no secret.
type HealthReport struct {
	// Ready is true if a new query would find a side without waiting.
	Ready bool `json:"ready"`
	// Cluster and Address identify the cluster, as in Config.
	Cluster string `json:"cluster"`
	Address string `json:"address"`
	// Strategy is the state of the strategy machine.
	Strategy fsm.Report `json:"strategy"`
	// Sides are both sides, blue first.
	Sides []SideReport `json:"sides"`
	// Queries are the counters since the client was opened.
	Queries Stats `json:"queries"`
	// LastErrors are the last failures of the cluster, the newest first.
	LastErrors []LastError `json:"last_errors"`
}

// SideReport is a side in a HealthReport.
type SideReport struct {
	hook.SideHealth
	// Session is the generation of the open session, and 0 if none is open.
	Session uint64 `json:"session"`
	// Probation and CoolDown are the remaining times of RollbackPolicy, and 0 if they
	// do not apply to the side.
	Probation time.Duration `json:"probation_ns,omitempty"`
	CoolDown  time.Duration `json:"cool_down_ns,omitempty"`
}

// LastError is a failure in a HealthReport.
type LastError struct {
	At   time.Time `json:"at"`
	What string    `json:"what"`
}

// Health returns the state of the client. It makes no call to the cluster and may be called
// often, by any goroutine.
func (c *Client) Health() HealthReport {
	r := c.exec.Router().Routing()
	report := HealthReport{
		Ready:   r.Active != None && !r.Held && !r.Closed,
		Cluster: c.cfg.ClusterName, Address: c.cfg.Address, Strategy: r.Snapshot.Report(),
		Queries: c.Stats(), LastErrors: lastErrors(c.bus.History()),
	}
	for _, side := range fsm.Sides {
		s := SideReport{
			SideHealth: c.sideHealth(side), Session: c.exec.Router().Sessions().Open(side),
			Probation: positive(time.Until(c.exec.Router().Probation(side))),
		}
		if r.CoolDown && side == r.Active.Other() {
			s.CoolDown = positive(time.Until(r.SuppressedUntil))
		}
		report.Sides = append(report.Sides, s)
	}
	return report
}

func positive(d time.Duration) time.Duration { return max(d, 0) }

// sideHealth is the health of a side within Config.HealthWindow.
func (c *Client) sideHealth(side Side) hook.SideHealth {
	if !side.Valid() {
		return hook.SideHealth{Side: side}
	}
	s := c.exec.Router().Health(side)
	return hook.SideHealth{
		Side: side, InFlight: c.exec.Router().InFlight(side), Total: s.Total, Requests: s.Requests, Failures: s.Failures, P50: s.P50, P99: s.P99,
	}
}

// lastErrors are the failures among the events, the newest first.
func lastErrors(history []events.Event) []LastError {
	const most = 10
	failures := []LastError{}
	for _, e := range slices.Backward(history) {
		switch e.Data.(type) {
		case events.ProbeFailed, events.QueryLost, events.QueryAbandoned, events.StoreFailed, events.AnnouncementInvalid,
			events.HealthBreached, events.HookFailed, events.SubscriberPanicked:
			failures = append(failures, LastError{e.Time, e.String()})
		}
		if len(failures) == most {
			break
		}
	}
	return failures
}

// HealthHandler serves Health as JSON, with the HTTP status 200 if the client is ready, and 503
// otherwise. It accepts GET and HEAD.
func (c *Client) HealthHandler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
			return
		}
		report := c.Health()
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		if !report.Ready {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(report) // the connection is gone
	})
}
