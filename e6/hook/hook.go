package hook

import (
	"context"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// The points at which hooks are called, as events.HookFailed and InlineHook name them.
const (
	PointGuard          = "guard"
	PointSelect         = "select"
	PointShared         = "shared"
	PointDetectionOrder = "detection_order"
	PointClientOpened   = "client_opened"
	PointClientClosed   = "client_closed"
	PointQueryStart     = "query_start"
	PointQueryEnd       = "query_end"
	PointStepStart      = "step_start"
	PointStepEnd        = "step_end"
	PointDetectionStart = "detection_start"
	PointDetectionEnd   = "detection_end"
	PointSessionStart   = "session_start"
	PointSessionEnd     = "session_end"
	PointCutoverStart   = "cutover_start"
	PointCutoverEnd     = "cutover_end"
)

// The points at which other functions of the application are called, as events.HookFailed
// names them after a panic: Config.Credentials, Config.Bearer, and the functions of
// e6.WithDialer, e6.WithLookup, e6.OnProgress and e6.WithStore.
const (
	PointCredentials = "credentials"
	PointBearer      = "bearer"
	PointDialer      = "dialer"
	PointLookup      = "lookup"
	PointProgress    = "progress"
	PointStore       = "store"
)

// InlineHook is an optional interface of a hook that observes. Inline reports whether
// the call at that point with that context returns at once, for example because it only
// increments a counter. The client makes such a call on the goroutine of the query, which
// saves some microseconds. The call has no budget: if it blocks, the query blocks.
// Guards, selectors and detection orderers are never called inline.
type InlineHook interface {
	Inline(ctx context.Context, point string) bool
}

// SideHealth is the recent health of one side. Config.HealthWindow sets how far back it
// looks.
type SideHealth struct {
	Side fsm.Side `json:"side"`
	// InFlight is the number of queries on the side now.
	InFlight int64 `json:"in_flight"`
	// Total is the number of executions that ended since the client was opened.
	Total int64 `json:"total"`
	// Requests is the number of executions that ended within the window. Failures is
	// the number of those that got no response. Without requests the health is unknown.
	Requests int64 `json:"requests"`
	Failures int64 `json:"failures"`
	// P50 and P99 are the median and the 99th percentile of the time from the start of
	// an execution until the columns of its result are known. They are 0 without requests.
	P50 time.Duration `json:"p50_ns"`
	P99 time.Duration `json:"p99_ns"`
}

// ErrorRate is Failures divided by Requests, and 0 without requests.
func (h SideHealth) ErrorRate() float64 {
	if h.Requests == 0 {
		return 0
	}
	return float64(h.Failures) / float64(h.Requests)
}
