// Package events tells applications what happens to a client's strategy: every
// step of the state machine and what led to it, and what became of the queries
// it touched.
//
// A Bus numbers the events of one client without gaps and hands them to any
// number of subscribers. Each subscriber has a bounded queue and a goroutine of
// its own: one that is slow, blocked or panicking misses events, and is told
// how many, but holds up nobody. A panic of a subscriber is logged with its stack,
// counted, and published.
//
// No event holds a password, a token, a session id or the text of a statement.
package events
