// Package hook holds the interfaces that a program implements to steer and to observe
// an e6 client, with the arguments of their methods and some ready-made selectors.
//
// These interfaces steer:
//
//   - [Guard] allows, delays or vetoes a transition to the other side.
//   - [Selector] picks the side of one query while both sides take new queries.
//   - [DetectionOrderer] orders the sides of a detection.
//
// These interfaces observe. Each has a pair of methods, and the work continues in the
// context that the first of them returns:
//
//   - [QueryHook] observes statements, [StepHook] their steps.
//   - [DetectionHook], [SessionHook] and [CutoverHook] observe the router.
//
// e6 has one option for each interface, so that the compiler checks the type of a hook:
//
//	e6.Open(ctx, cfg, e6.WithGuard(smokeTest{}), e6.WithSelector(hook.Canary{From: 0.05, Ramp: time.Hour}))
//
// The client makes every call of a hook on a separate goroutine and within a budget,
// Config.HookBudget or Config.GuardBudget. A call that panics or exceeds its budget is
// abandoned: the default applies, an events.HookFailed event names the hook, and the
// hook is not called again until that call has returned. A hook therefore costs a query
// at most its budget. Calls of one Guard, Selector or DetectionOrderer never overlap;
// the other hooks are called by many goroutines at once.
package hook
