package e6

import "github.com/e6data/e6data-go/e6/internal/exec"

// LossReason is the reason why a query that was cut off was not replayed or continued.
type LossReason string

// The reasons.
const (
	// LossPolicy: ReplayNever forbids a replay, or the query was submitted.
	LossPolicy = LossReason(exec.LossPolicy)
	// LossWrite: the statement may write, so it is not replayed.
	LossWrite = LossReason(exec.LossWrite)
	// LossAttempts: its replays were cut off too, up to Config.MaxAttempts.
	LossAttempts = LossReason(exec.LossAttempts)
	// LossSession: no session could be opened for the rest of its calls.
	LossSession = LossReason(exec.LossSession)
	// LossReplay: the replay failed.
	LossReplay = LossReason(exec.LossReplay)
	// LossWindow: the rows that the caller has exceed Config.ContinueWindow, and the
	// policy is not ReplayContinue.
	LossWindow = LossReason(exec.LossWindow)
	// LossColumns: the replay has other columns.
	LossColumns = LossReason(exec.LossColumns)
	// LossRows: the rows that the caller has differ from those of the replay in their
	// order, values or types.
	LossRows = LossReason(exec.LossRows)
	// LossShorter: the replay has fewer rows than the caller has.
	LossShorter = LossReason(exec.LossShorter)
)
