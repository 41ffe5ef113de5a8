package e6

// LossReason is the reason why a query that was cut off was not replayed or continued.
type LossReason string

// The reasons.
const (
	// LossPolicy: ReplayNever forbids a replay, or the query was submitted.
	LossPolicy LossReason = "policy"
	// LossWrite: the statement may write, so it is not replayed.
	LossWrite LossReason = "may_write"
	// LossAttempts: its replays were cut off too, up to Config.MaxAttempts.
	LossAttempts LossReason = "attempts"
	// LossSession: no session could be opened for the rest of its calls.
	LossSession LossReason = "session"
	// LossReplay: the replay failed.
	LossReplay LossReason = "replay_failed"
	// LossWindow: the rows that the caller has exceed Config.ContinueWindow, and the
	// policy is not ReplayContinue.
	LossWindow LossReason = "window_exceeded"
	// LossColumns: the replay has other columns.
	LossColumns LossReason = "columns_changed"
	// LossRows: the rows that the caller has differ from those of the replay in their
	// order, values or types.
	LossRows LossReason = "rows_differ"
	// LossShorter: the replay has fewer rows than the caller has.
	LossShorter LossReason = "result_shorter"
)
