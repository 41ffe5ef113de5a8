package e6

import (
	"fmt"
	"reflect"

	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/hookcall"
)

// WithGuard adds a guard, which may veto or delay a transition. Guards are called in the
// order in which they were added; the first that does not allow the transition decides.
func WithGuard(g hook.Guard) Option {
	return func(o *options) { o.hooks.Guards = append(o.hooks.Guards, g) }
}

// WithSelector adds a selector, which picks the side of a query while both sides take new
// queries. The first selector that returns a side decides. A selector may also be a
// hook.SharedPhaseGate.
func WithSelector(s hook.Selector) Option {
	return func(o *options) { o.hooks.Selectors = append(o.hooks.Selectors, s) }
}

// WithDetectionOrder adds a hook that orders the sides of a detection. The last one
// decides; its argument has the order of the one before it.
func WithDetectionOrder(d hook.DetectionOrderer) Option {
	return func(o *options) { o.hooks.Orderers = append(o.hooks.Orderers, d) }
}

// WithQueryHook adds a hook that observes statements. Hooks that observe are called in the
// order in which they were added, each with the context of the one before it, and in the
// reverse order for the end.
func WithQueryHook(h hook.QueryHook) Option {
	return func(o *options) { o.hooks.Queries = append(o.hooks.Queries, h) }
}

// WithStepHook adds a hook that observes the steps of statements. A client has at most 64
// of them.
func WithStepHook(h hook.StepHook) Option {
	return func(o *options) { o.hooks.Steps = append(o.hooks.Steps, h) }
}

// WithDetectionHook adds a hook that observes detections.
func WithDetectionHook(h hook.DetectionHook) Option {
	return func(o *options) { o.hooks.Detections = append(o.hooks.Detections, h) }
}

// WithSessionHook adds a hook that observes authentications.
func WithSessionHook(h hook.SessionHook) Option {
	return func(o *options) { o.hooks.Sessions = append(o.hooks.Sessions, h) }
}

// WithCutoverHook adds a hook that observes changes of the active side.
func WithCutoverHook(h hook.CutoverHook) Option {
	return func(o *options) { o.hooks.Cutovers = append(o.hooks.Cutovers, h) }
}

// hooks are the hooks of the options, each kind in the order in which they were added.
type hooks struct {
	hookcall.Hooks
	clients []ClientHook
}

// The optional interfaces of hooks. A method with a wrong signature does not implement the
// interface and would never be called: problems refuses such a hook.
var (
	gateType      = reflect.TypeFor[hook.SharedPhaseGate]()
	inlineType    = reflect.TypeFor[hook.InlineHook]()
	validatorType = reflect.TypeFor[hook.Validator]()
)

// problems lists the hooks that can never work as intended.
func (h *hooks) problems() []Problem {
	var all []Problem
	all = append(all, hookProblems("WithGuard", h.Guards)...)
	all = append(all, hookProblems("WithSelector", h.Selectors, gateType)...)
	all = append(all, hookProblems("WithDetectionOrder", h.Orderers)...)
	all = append(all, hookProblems("WithClientHook", h.clients, inlineType)...)
	all = append(all, hookProblems("WithQueryHook", h.Queries, inlineType)...)
	all = append(all, hookProblems("WithStepHook", h.Steps, inlineType)...)
	all = append(all, hookProblems("WithDetectionHook", h.Detections, inlineType)...)
	all = append(all, hookProblems("WithSessionHook", h.Sessions, inlineType)...)
	all = append(all, hookProblems("WithCutoverHook", h.Cutovers, inlineType)...)
	if len(h.Steps) > hookcall.MaxSteps {
		all = append(all, Problem{Field: "WithStepHook", Value: fmt.Sprintf("%d hooks", len(h.Steps)), Want: fmt.Sprintf("at most %d", hookcall.MaxSteps)})
	}
	return all
}

// hookProblems lists the hooks of one option that are nil, that have a method of an
// optional interface with another signature, or that are not valid by their own account.
func hookProblems[H any](option string, all []H, optional ...reflect.Type) (problems []Problem) {
	for _, h := range all {
		t := reflect.TypeOf(h)
		if t == nil {
			problems = append(problems, Problem{Field: option, Value: "nil", Want: "a " + reflect.TypeFor[H]().String()})
			continue
		}
		bad := func(value, want string) {
			problems = append(problems, Problem{Field: option, Value: value, Want: want})
		}
		for _, want := range append(optional, validatorType) {
			method := ownMethod(want)
			_, has := t.MethodByName(method.Name)
			_, pointerHas := reflect.PointerTo(t).MethodByName(method.Name)
			switch {
			case t.Implements(want):
			case has:
				bad(fmt.Sprintf("%s with a method %s of another signature than %s", t, method.Name, want), method.Name+strippedFunc(method.Type)+", or another name for that method")
			case pointerHas:
				bad(fmt.Sprintf("%s, whose method %s belongs to *%s", t, method.Name, t), "a pointer to it")
			}
		}
		if v, ok := any(h).(hook.Validator); ok {
			if err := v.Validate(); err != nil {
				bad(hookcall.NameOf(h), err.Error())
			}
		}
	}
	return problems
}

// ownMethod is the method that makes an optional interface: the last by name, which is
// Wait of SharedPhaseGate, as it has the methods of Selector too.
func ownMethod(t reflect.Type) reflect.Method { return t.Method(t.NumMethod() - 1) }

// strippedFunc is the type of a method without the word func.
func strippedFunc(t reflect.Type) string { return t.String()[len("func"):] }
