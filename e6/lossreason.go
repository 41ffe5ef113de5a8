package e6

import "fmt"

// LossReason is why a query that was cut off could not be saved.
type LossReason string

// The reasons.
const (
	// LossPolicy: ReplayNever forbids to run it again, or it was submitted.
	LossPolicy LossReason = "policy"
	// LossWrite: it may write, so that it is not run again.
	LossWrite LossReason = "may_write"
	// LossAttempts: its replays were cut off as well, until Config.MaxAttempts.
	LossAttempts LossReason = "attempts"
	// LossSession: no session could be opened for the rest of its calls.
	LossSession LossReason = "session"
	// LossReplay: it was run again, and failed.
	LossReplay LossReason = "replay_failed"
	// LossWindow: the caller has more of its rows than Config.ContinueWindow, and its
	// policy is not ReplayContinue.
	LossWindow LossReason = "window_exceeded"
	// LossColumns: it was run again, and has other columns.
	LossColumns LossReason = "columns_changed"
	// LossRows: it was run again, and the rows that the caller has differ from those of
	// the new run: their order, their values or their types.
	LossRows LossReason = "rows_differ"
	// LossShorter: it was run again, and has fewer rows than the caller has.
	LossShorter LossReason = "result_shorter"
)

// describe says what was found, as a part of a sentence. It is empty where there is
// nothing to add.
func (r LossReason) describe(column string) string {
	switch r {
	case LossPolicy:
		return "its policy forbids a replay"
	case LossReplay:
		return "its replay failed"
	case LossWindow:
		return "more than Config.ContinueWindow had been read, which only e6.ReplayContinue continues"
	case LossColumns:
		return "the columns of the result have changed since it was run first"
	case LossRows:
		return fmt.Sprintf("its replay has other rows or another order (column %q differs first; an ORDER BY fixes the order)", column)
	case LossShorter:
		return "its replay has fewer rows"
	}
	return ""
}
