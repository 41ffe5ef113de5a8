package hookcall

import (
	"context"
	"fmt"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/exec"
	"github.com/e6data/e6data-go/e6/internal/router"
)

// Hooks are the registered hooks, each kind in the order of their calls.
type Hooks struct {
	Guards     []hook.Guard
	Selectors  []hook.Selector
	Orderers   []hook.DetectionOrderer
	Queries    []hook.QueryHook
	Steps      []hook.StepHook // at most MaxSteps
	Detections []hook.DetectionHook
	Sessions   []hook.SessionHook
	Cutovers   []hook.CutoverHook
}

// MaxSteps is the maximum number of step hooks: the number of bits of
// exec.ObservedStep.Skipped.
const MaxSteps = 64

// Config configures a Set. All fields are required.
type Config struct {
	// Budget limits each call of a hook, except for those of a guard.
	Budget time.Duration
	// GuardBudget is the time after which the context of a guard ends.
	GuardBudget time.Duration
	// Health returns the health of a side, for guards and selectors.
	Health func(fsm.Side) hook.SideHealth
	// GuardQuery runs a query of a guard on the target.
	GuardQuery func(ctx context.Context, side fsm.Side, sql string) (*hook.Result, error)
}

// Hook is a hook with its Caller.
type Hook[H any] struct {
	Hook H
	*Caller
}

// Set has the hooks of a client by kind. Its methods may be called concurrently.
type Set struct {
	Config
	guards     []Hook[hook.Guard]
	selectors  []Hook[hook.Selector]
	orderers   []Hook[hook.DetectionOrderer]
	queries    []Hook[hook.QueryHook]
	steps      []Hook[hook.StepHook]
	detections []Hook[hook.DetectionHook]
	sessions   []Hook[hook.SessionHook]
	cutovers   []Hook[hook.CutoverHook]
}

// NewSet returns a Set.
func NewSet(env *Env, cfg Config, h *Hooks) *Set {
	return &Set{
		Config: cfg,
		guards: serial(env, h.Guards), selectors: serial(env, h.Selectors), orderers: serial(env, h.Orderers),
		queries: Concurrent(env, h.Queries), steps: Concurrent(env, h.Steps),
		detections: Concurrent(env, h.Detections), sessions: Concurrent(env, h.Sessions), cutovers: Concurrent(env, h.Cutovers),
	}
}

// serial returns hooks whose calls never overlap.
func serial[H any](env *Env, hooks []H) (all []Hook[H]) {
	for _, h := range hooks {
		caller := env.NewCaller(NameOf(h))
		caller.semaphore = make(chan struct{}, 1)
		all = append(all, Hook[H]{h, caller})
	}
	return all
}

// Concurrent returns hooks that many goroutines call at once.
func Concurrent[H any](env *Env, hooks []H) (all []Hook[H]) {
	for _, h := range hooks {
		caller := env.NewCaller(NameOf(h))
		caller.inlineHook, _ = any(h).(hook.InlineHook)
		all = append(all, Hook[H]{h, caller})
	}
	return all
}

// NameOf is the name of a hook in events and errors: its String method, or its type.
func NameOf(h any) string {
	if named, ok := h.(fmt.Stringer); ok {
		return named.String()
	}
	return fmt.Sprintf("%T", h)
}

// Router returns the functions that the router calls. Those without a hook are nil.
func (s *Set) Router() router.Hooks {
	var h router.Hooks
	if len(s.guards) > 0 {
		h.Guard = s.guard
	}
	if len(s.selectors) > 0 {
		h.WaitShared = s.waitShared
	}
	if len(s.orderers) > 0 {
		h.Order = s.order
	}
	if len(s.detections) > 0 {
		h.Detection = s.detection
	}
	if len(s.sessions) > 0 {
		h.Session = s.session
	}
	if len(s.cutovers) > 0 {
		h.Cutover = s.cutover
	}
	return h
}

var _ exec.Hooks = (*Set)(nil)
