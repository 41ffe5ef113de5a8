// Package hookcall calls the hooks of a program, so that a hook cannot slow or break the
// client.
//
// A Caller makes the calls of one hook. Each call runs on a pooled goroutine and has a
// budget. A call that overruns its budget is abandoned; until it returns, the hook gets no
// other call. A panic is recovered. An abandoned call and a panic are events
// (events.HookFailed), and a panic is logged with its stack. A Set has the hooks of a
// client and makes the functions that the packages router and exec call.
//
// The package knows no client. Package e6 registers the hooks.
package hookcall
