package e6

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/internal/exec"
)

// TestValues_AreThoseOfStatements compares the public values with the values of package exec
// that they are converted from and to.
func TestValues_AreThoseOfStatements(t *testing.T) {
	for public, internal := range map[LossReason]exec.LossReason{
		LossPolicy: exec.LossPolicy, LossWrite: exec.LossWrite, LossAttempts: exec.LossAttempts, LossSession: exec.LossSession,
		LossReplay: exec.LossReplay, LossWindow: exec.LossWindow, LossColumns: exec.LossColumns, LossRows: exec.LossRows,
		LossShorter: exec.LossShorter,
	} {
		require.EqualValues(t, public, internal)
	}
	for public, internal := range map[ReplayPolicy]exec.ReplayPolicy{
		ReplaySafe: exec.ReplaySafe, ReplayNever: exec.ReplayNever, ReplayAlways: exec.ReplayAlways, ReplayContinue: exec.ReplayContinue,
	} {
		require.EqualValues(t, public, internal)
	}
	for public, internal := range map[Step]exec.Step{
		StepQueued: exec.StepQueued, StepPreparing: exec.StepPreparing, StepRunning: exec.StepRunning,
		StepFetching: exec.StepFetching, StepDone: exec.StepDone,
	} {
		require.EqualValues(t, public, internal)
	}
}
