package events

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// KindRefused is the kind of Refused.
const KindRefused Kind = "refused"

// Refused: the ingress refused a call of a query with 456.
type Refused struct {
	Side fsm.Side
	// Method is the name of the call, such as executeStatement.
	Method  string
	QueryID string
	Tag     string
}

// String describes the event in one line.
func (d Refused) String() string {
	return fmt.Sprintf("%s refused %s of %s", d.Side, d.Method, queryName(d.QueryID, d.Tag))
}

func (d Refused) attrs(a *attrs) {
	a.side("side", d.Side)
	a.text("method", d.Method)
	a.query(d.QueryID, d.Tag)
}

func (d Refused) sides() sideSet { return sidesOf(d.Side) }

// KindQueryQueued is the kind of QueryQueued.
const KindQueryQueued Kind = "query_queued"

// QueryQueued: a query waits for a planner, or no longer waits. It is published when the
// wait starts, after 1 second, each time the wait has doubled, and when it ends.
type QueryQueued struct {
	QueryID string
	Tag     string
	Side    fsm.Side
	Waited  time.Duration
	// Admitted is set when the wait has ended and the query runs.
	Admitted bool
}

// String describes the event in one line.
func (d QueryQueued) String() string {
	if d.Admitted {
		return fmt.Sprintf("%s admitted on %s after %s", queryName(d.QueryID, d.Tag), d.Side, short(d.Waited))
	}
	return fmt.Sprintf("%s queued on %s for %s: no planner is free", queryName(d.QueryID, d.Tag), d.Side, short(d.Waited))
}

func (d QueryQueued) attrs(a *attrs) {
	a.query(d.QueryID, d.Tag)
	a.side("side", d.Side)
	a.ms("waited_ms", d.Waited)
	a.add(slog.Bool("admitted", d.Admitted))
}

func (d QueryQueued) sides() sideSet { return sidesOf(d.Side) }

// KindQueryRetried is the kind of QueryRetried.
const KindQueryRetried Kind = "query_retried"

// QueryRetried: a query without an effect so far starts over.
type QueryRetried struct {
	QueryID  string
	Tag      string
	From, To fsm.Side
	// Method is the name of the call that failed.
	Method string
}

// String describes the event in one line.
func (d QueryRetried) String() string {
	return fmt.Sprintf("retrying %s, from %s to %s", queryName(d.QueryID, d.Tag), d.From, d.To)
}

func (d QueryRetried) attrs(a *attrs) {
	a.query(d.QueryID, d.Tag)
	a.side("from", d.From)
	a.side("to", d.To)
	a.text("method", d.Method)
}

func (d QueryRetried) sides() sideSet { return sidesOf(d.From, d.To) }

// KindQueryReplayed is the kind of QueryReplayed.
const KindQueryReplayed Kind = "query_replayed"

// QueryReplayed: a query that was cut off is replayed.
type QueryReplayed struct {
	QueryID  string
	Tag      string
	From, To fsm.Side
	// Attempt is the number of the replay, from 1.
	Attempt int
	Reason  string
}

// String describes the event in one line.
func (d QueryReplayed) String() string {
	return fmt.Sprintf("replaying %s, from %s to %s: %s", queryName(d.QueryID, d.Tag), d.From, d.To, d.Reason)
}

func (d QueryReplayed) attrs(a *attrs) {
	a.query(d.QueryID, d.Tag)
	a.side("from", d.From)
	a.side("to", d.To)
	a.add(slog.Int("attempt", d.Attempt))
	a.text("replay_reason", d.Reason)
}

func (d QueryReplayed) sides() sideSet { return sidesOf(d.From, d.To) }

// KindQueryContinued is the kind of QueryContinued.
const KindQueryContinued Kind = "query_continued"

// QueryContinued: a replay was verified to begin with the rows that the caller has read,
// and continues after them.
type QueryContinued struct {
	// QueryID is the id of the run that was cut off, as in the QueryReplayed before.
	QueryID  string
	Tag      string
	From, To fsm.Side
	// RowsVerified is the number of rows that the caller has read.
	RowsVerified int64
	// Attempt is that of the QueryReplayed.
	Attempt int
}

// String describes the event in one line.
func (d QueryContinued) String() string {
	return fmt.Sprintf("continuing %s, from %s to %s, after %d verified rows", queryName(d.QueryID, d.Tag), d.From, d.To, d.RowsVerified)
}

func (d QueryContinued) attrs(a *attrs) {
	a.query(d.QueryID, d.Tag)
	a.side("from", d.From)
	a.side("to", d.To)
	a.add(slog.Int64("rows_verified", d.RowsVerified), slog.Int("attempt", d.Attempt))
}

func (d QueryContinued) sides() sideSet { return sidesOf(d.From, d.To) }

// KindQueryLost is the kind of QueryLost.
const KindQueryLost Kind = "query_lost"

// QueryLost: a query was cut off, and was not replayed or continued. Its caller gets a
// *e6.CutoverError.
type QueryLost struct {
	QueryID       string
	Tag           string
	Side          fsm.Side
	RowsDelivered int64
	// MayHaveRun is set if the statement may have had an effect.
	MayHaveRun bool
	// Reason is the reason why it was not replayed or continued: an e6.LossReason.
	Reason string
	Error  string
}

// String describes the event in one line.
func (d QueryLost) String() string {
	reason := ""
	if d.Reason != "" {
		reason = " (" + d.Reason + ")"
	}
	return fmt.Sprintf("lost %s on %s after %d rows%s: %s", queryName(d.QueryID, d.Tag), d.Side, d.RowsDelivered, reason, d.Error)
}

func (d QueryLost) attrs(a *attrs) {
	a.query(d.QueryID, d.Tag)
	a.side("side", d.Side)
	a.add(slog.Int64("rows_delivered", d.RowsDelivered), slog.Bool("may_have_run", d.MayHaveRun))
	a.text("loss_reason", d.Reason)
	a.text("error", d.Error)
}

func (d QueryLost) sides() sideSet { return sidesOf(d.Side) }

// KindQueryAbandoned is the kind of QueryAbandoned.
const KindQueryAbandoned Kind = "query_abandoned"

// QueryAbandoned: a query could not be cancelled or cleared on the server, where it may
// still run or hold its result.
type QueryAbandoned struct {
	QueryID string
	Tag     string
	Side    fsm.Side
	Error   string
}

// String describes the event in one line.
func (d QueryAbandoned) String() string {
	return fmt.Sprintf("abandoned %s on %s, which was not cancelled or cleared: %s", queryName(d.QueryID, d.Tag), d.Side, d.Error)
}

func (d QueryAbandoned) attrs(a *attrs) {
	a.query(d.QueryID, d.Tag)
	a.side("side", d.Side)
	a.text("error", d.Error)
}

func (d QueryAbandoned) sides() sideSet { return sidesOf(d.Side) }
