package events

import (
	"fmt"
	"log/slog"
	"time"
)

// KindHookFailed is the kind of HookFailed.
const KindHookFailed Kind = "hook_failed"

// HookFailed: a hook panicked, overran its budget or was still busy. The default for the
// hook applies instead of its result.
type HookFailed struct {
	// Hook is the name of the hook, and Point the call, such as guard or query_end.
	Hook, Point string
	// Problem is panic, overrun, or busy: an earlier call, which was abandoned, has not
	// returned yet.
	Problem string
	Detail  string
	Took    time.Duration
	// Count is the number of such failures of the hook since its last event of this kind.
	// There is at most one event per second.
	Count int64
}

// String describes the event in one line.
func (d HookFailed) String() string {
	s := fmt.Sprintf("hook %s: %s in %s after %s", d.Hook, d.Problem, d.Point, short(d.Took))
	if d.Count > 1 {
		s += fmt.Sprintf(", %d times", d.Count)
	}
	if d.Detail != "" {
		s += ": " + d.Detail
	}
	return s
}

func (d HookFailed) attrs(a *attrs) {
	a.text("hook", d.Hook)
	a.text("point", d.Point)
	a.text("problem", d.Problem)
	a.text("problem_detail", d.Detail)
	a.ms("took_ms", d.Took)
	a.add(slog.Int64("count", d.Count))
}

func (HookFailed) sides() sideSet { return 0 }
