package e6

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
