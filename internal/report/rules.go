package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/timeline"
)

// A Rule relates a symptom in a recording to what would have helped.
type Rule struct {
	// Name identifies the rule in JSON and in documents.
	Name string
	// When is the condition, and Advice what would have helped.
	When, Advice string
	// Settings are the settings that the advice is about: fields of e6.Config, options of
	// e6.Open, and options of the recorder.
	Settings []string

	// passage and client return the observation, and the empty string if the rule does not
	// apply. One of them is set.
	passage func(*passage) string
	client  func(*record) string
}

// A Finding is a rule that applies.
type Finding struct {
	Rule string `json:"rule"`
	// Change is the number of the change, and 0 for a client as a whole.
	Change int `json:"change"`
	// Clients are the names of the clients.
	Clients []string `json:"clients"`
	// Observed is what the recording of the first of them shows.
	Observed string `json:"observed"`
	Advice   string `json:"advice"`
	// Settings are those of the rule.
	Settings []string `json:"settings,omitempty"`
}

// Rules returns the table of the advice, in the order in which a report lists it.
func Rules() []Rule { return slices.Clone(rules) }

// AdviceTable is the table of the rules in Markdown, for the documents.
func AdviceTable() string {
	var b strings.Builder
	b.WriteString("| rule | symptom in the recording | advice | settings |\n|---|---|---|---|\n")
	for _, r := range rules {
		settings := ""
		if len(r.Settings) > 0 {
			settings = "`" + strings.Join(r.Settings, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.Name, r.When, r.Advice, settings)
	}
	return b.String()
}

// slow is the duration from which a step of a change is worth a look.
const slow = time.Second

// rules is the table: the changes first, then their queries, hooks, and the client.
var rules = []Rule{
	{Name: "abrupt", passage: abrupt,
		When:   "the active side refused calls or was unreachable, without an announcement",
		Advice: "Announce each change: open the new side, announce it, and close the old side when its queries have ended."},
	{Name: "no-overlap", passage: noOverlap,
		When:   "no side accepted for 1 second or longer",
		Advice: "Open the new side before the old side is closed: for some time both must accept."},
	{Name: "detection-failed", Settings: []string{"Config.DetectionTimeout"}, passage: detectionFailed,
		When:   "a detection ended without a side",
		Advice: "Queries that wait fail at the end of a detection. Raise DetectionTimeout above the longest time without a side."},
	{Name: "announced-early", passage: announcedEarly,
		When:   "the announced side refused for 1 second or longer",
		Advice: "Announce a side later: when it accepts calls."},
	{Name: "ready-timeout", Settings: []string{"Config.ReadyTimeout"}, passage: readyTimeout,
		When:   "the announced side refused until the end of ReadyTimeout",
		Advice: "Announce a side later, or raise ReadyTimeout above the time that it needs."},
	{Name: "shared-timeout", Settings: []string{"Config.SharedTimeout"}, passage: sharedTimeout,
		When:   "the shared phase ended at the end of SharedTimeout",
		Advice: "End the shared phase with the selector, or raise SharedTimeout."},
	{Name: "closed-early", passage: closedEarly,
		When:   "the old side refused calls while queries still ran on it",
		Advice: "Keep the old side open until its queries have ended: at least as long as the longest query."},
	{Name: "drain-timeout", Settings: []string{"Config.DrainTimeout"}, passage: drainTimeout,
		When:   "queries still ran on the old side at the end of DrainTimeout",
		Advice: "Raise DrainTimeout above the duration of the longest query, and keep the old side open for as long."},
	{Name: "target-failed", Settings: []string{"e6.WithGuard"}, passage: targetFailed,
		When:   "the new side accepted, failed, and was left",
		Advice: "Check the new side before it gets queries: a guard can run queries on it."},
	{Name: "rolled-back", Settings: []string{"e6.WithGuard", "e6.WithRollback"}, passage: rolledBack,
		When:   "the health policy or the vetoes of other clients caused a rollback",
		Advice: "Check the new side before it gets queries: a guard can run queries on it. If the side was good, relax the policy."},
	{Name: "credentials", Settings: []string{"Config.Credentials"}, passage: rejectedCredentials,
		When:   "the new side rejected the credentials",
		Advice: "Give both sides the same users and tokens before a change. For tokens that rotate, set Credentials."},
	{Name: "slow-login", Settings: []string{"e6.WithFleet"}, passage: slowLogin,
		When:   "a login during the change took 1 second or longer",
		Advice: "Check the authentication of the engine. If many clients log in at once, spread them out with FleetPolicy.Jitter."},

	{Name: "lost-write", passage: lost("may_write"),
		When:   "a write was cut off",
		Advice: "A write is never repeated, so an abrupt change loses it: announce the change, and keep the old side open until its writes have ended. Check whether the write took effect."},
	{Name: "lost-window", Settings: []string{"Config.ContinueWindow", "e6.ReplayContinue"}, passage: lost("window_exceeded"),
		When:   "a result was cut off after more rows than ContinueWindow",
		Advice: "Raise ContinueWindow above the size of the results, or select ReplayContinue, which has no limit."},
	{Name: "lost-policy", Settings: []string{"e6.WithReplay"}, passage: lost("policy"),
		When:   "a query was cut off that the replay policy does not repeat, or that was submitted",
		Advice: "Use ReplaySafe for statements that only read."},
	{Name: "lost-order", passage: lost("rows_differ", "result_shorter", "columns_changed"),
		When:   "the repetition of a query that was cut off returned other rows",
		Advice: "Add an ORDER BY that fixes the order of the rows, and keep the data of both sides equal."},
	{Name: "lost-attempts", Settings: []string{"Config.MaxAttempts"}, passage: lost("attempts", "replay_failed", "session"),
		When:   "the repetition of a query that was cut off failed too",
		Advice: "Keep the new side stable during a change. If its failures are short, raise MaxAttempts."},
	{Name: "deadline", passage: deadlines,
		When:   "queries ended with DeadlineExceeded during the change",
		Advice: "Give queries a deadline longer than a change takes."},
	{Name: "queued", Settings: []string{"Config.MaxInFlight"}, client: queued,
		When:   "queries waited for a planner for 1 second or longer",
		Advice: "Give the new side as many planners as the old one, or limit the queries of each client with MaxInFlight."},
	{Name: "streams", Settings: []string{"Config.MaxConnections", "Config.MaxInFlight"}, client: streamsExhausted,
		When:   "calls of statements waited for a stream for 1 second or longer, with all connections open",
		Advice: "Raise MaxConnections, raise the limit of the ingress on the streams of a connection, or limit the statements that run at once with MaxInFlight."},

	{Name: "guard-veto", passage: guardVeto,
		When:   "a guard vetoed the change",
		Advice: "Fix what the guard reports, then announce the side again."},
	{Name: "guard-delay", passage: guardDelay,
		When:   "guards delayed the change by 1 second or longer",
		Advice: "Announce a side when the guards accept it, or shorten their delays."},
	{Name: "guard-budget", Settings: []string{"Config.GuardBudget"}, client: overrun(true),
		When:   "a guard exceeded its budget, so the change was allowed without it",
		Advice: "Make the guard faster, or raise GuardBudget."},
	{Name: "hook-budget", Settings: []string{"Config.HookBudget"}, client: overrun(false),
		When:   "a hook exceeded its budget, so its result was ignored",
		Advice: "Make the hook faster, move slow work to a goroutine, or raise HookBudget."},
	{Name: "hook-panic", client: panicked,
		When:   "a hook or a subscriber panicked",
		Advice: "Fix the panic: its event and the log have the cause."},

	{Name: "flapping", client: flapping,
		When:   "the clients followed 4 or more announcements within 10 minutes",
		Advice: "The sides announce each other: let only the active one announce. Clients delay further changes."},
	{Name: "store-failed", client: storeFailed,
		When:   "the shared store could not be read or written",
		Advice: "Restore the store. Without it each client discovers a change by its own calls."},
	{Name: "resume-failed", Settings: []string{"Config.ResumeTimeout"}, client: resumeFailed,
		When:   "the resume of a suspended cluster failed",
		Advice: "Check the cluster. If its resume takes longer, raise ResumeTimeout."},
	{Name: "events-dropped", client: eventsDropped,
		When:   "the recorder could not keep up with the events",
		Advice: "The counts of events in this report are too low. Give the program more processor time."},
	{Name: "clock", client: clockSet,
		When:   "the clock of the machine was set back",
		Advice: "Times and durations around it are wrong. The order of the entries in e6 record show is that of writing."},
	{Name: "overwritten", Settings: []string{"recorder.Size"}, client: overwritten,
		When:   "the beginning of the recording, or the queries of a change, were overwritten",
		Advice: "Make the recording larger, or copy it sooner."},
	{Name: "killed", client: killed,
		When:   "a process ended without the end of its client",
		Advice: "Call Client.Shutdown at the end of the program, so that running queries end. If the process was killed, find the cause."},
}

// advise adds the findings. Those of several clients to one change are one finding.
func (r *Report) advise(records []*record) {
	for _, rule := range rules {
		if rule.client != nil {
			f := Finding{Rule: rule.Name, Advice: rule.Advice, Settings: rule.Settings}
			for _, rec := range records {
				f.found(rec.client.Name, rule.client(rec))
			}
			r.add(f)
			continue
		}
		for _, c := range r.Changes {
			f := Finding{Rule: rule.Name, Change: c.Number, Advice: rule.Advice, Settings: rule.Settings}
			for _, p := range c.passages {
				f.found(p.record.client.Name, rule.passage(p))
			}
			r.add(f)
		}
	}
}

func (f *Finding) found(client, observation string) {
	if observation == "" {
		return
	}
	if len(f.Clients) == 0 {
		f.Observed = observation
	}
	f.Clients = append(f.Clients, client)
}

func (r *Report) add(f Finding) {
	if len(f.Clients) > 0 {
		r.Findings = append(r.Findings, f)
	}
}

func abrupt(p *passage) string {
	if p.Kind != events.ChangeAbrupt || !p.Made {
		return ""
	}
	return p.Cause.String()
}

// noOverlap compares the time that a detection took.
func noOverlap(p *passage) string {
	phase, ok := p.phase("detecting")
	refused := map[fsm.Side]bool{}
	for _, e := range p.of(events.KindProbeFailed) {
		if text(e.Event, "purpose") == "detect" {
			refused[sideOf(e.Event, "side")] = true
		}
	}
	if !ok || time.Duration(phase.Took) < slow || !refused[fsm.Blue] || !refused[fsm.Green] {
		return ""
	}
	return fmt.Sprintf("both sides failed to accept, and queries waited for %s", phase.Took)
}

func detectionFailed(p *passage) string {
	if p.Result != resultFailed {
		return ""
	}
	return p.EndCause.String()
}

func announcedEarly(p *passage) string {
	phase, ok := p.phase("preparing")
	if !ok || time.Duration(phase.Took) < slow || p.Kind == events.ChangeRolledBack {
		return ""
	}
	var last time.Time
	for _, e := range p.of(events.KindProbeFailed) {
		if text(e.Event, "purpose") == "prepare" {
			last = e.at
		}
	}
	if refused := last.Sub(phase.From); refused <= 0 {
		return ""
	}
	return fmt.Sprintf("%s accepted %s after its announcement, and failed probes until then", p.To, phase.Took)
}

func readyTimeout(p *passage) string {
	if p.Result != resultAborted || p.EndCause.Reason != fsm.ReasonDeadline || !p.At.IsZero() {
		return ""
	}
	return p.EndCause.Detail
}

func sharedTimeout(p *passage) string {
	for _, phase := range p.Phases {
		if phase.Name == "draining" && phase.snap.Cause.Reason == fsm.ReasonDeadline {
			return phase.snap.Cause.String()
		}
	}
	return ""
}

// remaining is the number of queries on the origin when its drain ended with that result.
func remaining(p *passage, result string) int64 {
	for _, e := range p.of(events.KindDrainEnded) {
		if text(e.Event, "result") == result {
			return int64(number(e.Event, "remaining"))
		}
	}
	return 0
}

func closedEarly(p *passage) string {
	if n := remaining(p, resultRefused); p.Result == resultRefused && n > 0 {
		return fmt.Sprintf("%s refused a call %s after the change, with %s on it", p.From, timeline.Short(p.Ended.Sub(p.At)), plural(n, "query", "queries"))
	}
	return ""
}

func drainTimeout(p *passage) string {
	if p.Result != resultDeadline {
		return ""
	}
	return fmt.Sprintf("%s on %s after %s", plural(remaining(p, resultDeadline), "query", "queries"), p.From, timeline.Short(p.Ended.Sub(p.At)))
}

func targetFailed(p *passage) string {
	if p.Result != resultAborted || p.EndCause.Reason != fsm.ReasonTargetUnhealthy {
		return ""
	}
	return p.EndCause.String()
}

func rolledBack(p *passage) string {
	switch {
	case p.Kind == events.ChangeRolledBack && p.Cause.Reason != fsm.ReasonCaller:
		return p.Cause.String()
	case p.Result == resultAborted && (p.EndCause.Reason == fsm.ReasonHealth || p.EndCause.Reason == fsm.ReasonStore):
		return p.EndCause.String()
	}
	return ""
}

func rejectedCredentials(p *passage) string {
	if p.EndCause.Reason != fsm.ReasonCredentials {
		return ""
	}
	return p.EndCause.String()
}

func slowLogin(p *passage) string {
	for _, e := range p.of(events.KindSessionOpened) {
		if took := ms(e.Event, "took_ms"); took >= slow {
			return fmt.Sprintf("the login on %s took %s", text(e.Event, "side"), timeline.Short(took))
		}
	}
	return ""
}

// lost returns the condition of queries that were lost for one of the reasons.
func lost(reasons ...string) func(*passage) string {
	return func(p *passage) string {
		n, rows := int64(0), 0.0
		for _, e := range p.of(events.KindQueryLost) {
			if slices.Contains(reasons, text(e.Event, "loss_reason")) {
				n++
				rows = max(rows, number(e.Event, "rows_delivered"))
			}
		}
		switch {
		case n == 0:
			return ""
		case rows > 0:
			return fmt.Sprintf("%s lost, after up to %.0f rows", plural(n, "query", "queries"), rows)
		}
		return plural(n, "query", "queries") + " lost"
	}
}

func deadlines(p *passage) string {
	n := int64(0)
	for _, q := range p.affected {
		if q.Code == codes.DeadlineExceeded {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%s ended with DeadlineExceeded; the change took %s", plural(n, "query", "queries"), timeline.Short(p.took()))
}

func guardVeto(p *passage) string {
	if p.EndCause.Reason != fsm.ReasonVeto {
		return ""
	}
	return p.EndCause.String()
}

func guardDelay(p *passage) string {
	var sum time.Duration
	by := ""
	for _, e := range p.of(events.KindGuardDecided) {
		if text(e.Event, "decision") == "delay" {
			sum += ms(e.Event, "delay_ms")
			by = strings.TrimSuffix(text(e.Event, "guard")+": "+text(e.Event, "guard_reason"), ": ")
		}
	}
	if sum < slow {
		return ""
	}
	return fmt.Sprintf("delays of %s in total, the last by %s", timeline.Short(sum), by)
}

func plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
