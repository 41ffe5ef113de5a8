package exec

import (
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/sqlvalue"
)

// Statement is a statement and its options. It is not changed while it runs.
type Statement struct {
	// SQL is the text, without the parts that the engine does not accept. It is empty for
	// a catalog call.
	SQL string
	// Template is the text with placeholders, if the statement has arguments.
	Template string
	// Parameters are arguments that are sent beside the text.
	Parameters []sqlvalue.Parameter

	Tag             string
	Labels          map[string]string
	Catalog, Schema string
	Replay          ReplayPolicy
	NoCache         bool
	MaxRows         int64 // 0 or less: no limit

	// Progress receives reports about the statement, one at a time. Nil: no reports.
	Progress func(Progress)
}

// ReplayPolicy selects the statements that are executed again after they were cut off.
type ReplayPolicy uint8

// The policies.
const (
	// ReplaySafe replays statements that only read, within Settings.ContinueWindow.
	ReplaySafe ReplayPolicy = iota
	// ReplayNever replays nothing.
	ReplayNever
	// ReplayAlways replays every statement.
	ReplayAlways
	// ReplayContinue is ReplaySafe without the window.
	ReplayContinue
)

// Handle addresses a statement on the server. The zero Handle addresses nothing.
type Handle struct {
	// QueryID is the engine's id of the statement.
	QueryID string
	// Side is the side of every call about it.
	Side fsm.Side
	// Engine is the planner that prepared it.
	Engine string
	// SessionGeneration is the generation of the session that prepared it, in the client
	// that did so.
	SessionGeneration uint64
}

// Valid reports whether the handle addresses a statement.
func (h Handle) Valid() bool { return h.QueryID != "" && h.Side.Valid() }
