package hook

import (
	"cmp"
	"context"
	"strings"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/internal/sqltext"
)

// QueryHook observes every statement of Query, QueryAll, Exec and ExplainAnalyze. The
// query continues in the context that QueryStart returns, which must be derived from its
// argument. nil leaves the context as it is. QueryEnd receives that context.
type QueryHook interface {
	QueryStart(ctx context.Context, s QueryStart) context.Context
	QueryEnd(ctx context.Context, e QueryEnd)
}

// QueryStart is the start of a statement.
type QueryStart struct {
	// SQL is the text that the engine gets. It may hold secrets: see Sanitized.
	SQL string
	// Template is the statement as the caller wrote it, with its placeholders, if the
	// call has arguments. SQL has their values then. It is empty for a call without
	// arguments.
	Template string
	// Tag and Labels are those of the query: see e6.Tag and e6.Label. Do not write to
	// the map.
	Tag    string
	Labels map[string]string
	// Catalog and Schema are those against which names in the statement are resolved.
	Catalog, Schema string
}

// Operation is the first word of the statement in upper case, such as SELECT. It is
// empty if the statement does not begin with a word.
func (s QueryStart) Operation() string { return sqltext.Operation(s.SQL) }

// maxRead is how many bytes of a statement Sanitized and Summary read.
const maxRead = 16 << 10

// prefix is the part of a statement that Sanitized and Summary read. It does not end
// within a name.
func prefix(text string) string {
	if len(text) <= maxRead {
		return text
	}
	if end := strings.LastIndexAny(text[:maxRead], " \t\r\n,("); end > 0 {
		return text[:end]
	}
	return text[:maxRead]
}

// Sanitized is SQL with a question mark in place of each literal, and without comments.
// Only the first 16 KiB are read; the rest is left out.
func (s QueryStart) Sanitized() string { return sqltext.Sanitize(prefix(s.SQL)) }

// Summary lists the operations of the statement and the objects that they are applied
// to, such as "SELECT orders customers". It holds no literals, has at most 255
// characters, and follows OpenTelemetry's rules for db.query.summary. It is empty for a
// statement that begins with an unknown word. Only the first 16 KiB are read.
func (s QueryStart) Summary() string {
	return sqltext.Summary(prefix(cmp.Or(s.Template, s.SQL)))
}

// QueryEnd is the end of a statement, successful or not.
type QueryEnd struct {
	// Side is where the query ran that returned the result or failed last, and
	// fsm.None if no side was found. QueryID is the engine's id of that query, and empty
	// if the engine gave none.
	Side    fsm.Side
	QueryID string
	// Rows, Batches and Bytes are what the client received of the result.
	Rows, Batches, Bytes int64
	// Retries counts the repetitions of the statement that had had no effect, and
	// Replays those of the statement after it had been executed.
	Retries, Replays int
	// Continued counts the replays whose first rows were equal to those that the caller
	// had, so that the caller got the rest.
	Continued int
	// Took is the duration of the statement, with the caller's own reading.
	Took time.Duration
	// Err is the error that the caller gets, and nil for success.
	Err error
	// Lost is set if Err is an e6.ErrQueryLost: the query was cut off and could not be
	// saved.
	Lost bool
	// Code is the gRPC code of Err, and codes.OK for success.
	Code codes.Code
}

// StepHook observes the steps of a query: prepare, execute and fetch, which includes the
// wait for the result. A query that is retried or replayed has these steps again.
//
// The step continues in the context that StepStart returns, which must be derived from
// its argument. If StepStart returns nil, the hook is not called for the end of that step
// and for the other steps of that execution.
type StepHook interface {
	StepStart(ctx context.Context, s StepStart) context.Context
	StepEnd(ctx context.Context, e StepEnd)
}

// StepStart is the start of a step.
type StepStart struct {
	// Step is prepare, execute or fetch.
	Step string
	// Side is where the step runs.
	Side fsm.Side
	// QueryID is the engine's id of the query, and empty before it is prepared.
	QueryID string
	// Attempt counts how often the statement was started, from 1. Replay is set if it
	// had been executed before.
	Attempt int
	Replay  bool
}

// StepEnd is the end of a step.
type StepEnd struct {
	StepStart
	// Rows, Batches and Bytes are what a fetch received.
	Rows, Batches, Bytes int64
	// Continued is when a fetch had verified that the replay begins with the rows which
	// the caller has, and Verified the number of these rows. They are zero for other
	// steps.
	Continued time.Time
	Verified  int64
	// Took is the duration of the step.
	Took time.Duration
	// Err is why the step failed, and nil for success.
	Err error
}
