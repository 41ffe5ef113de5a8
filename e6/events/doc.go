// Package events has the events of a client: each step of its strategy machine with its
// cause, each change of the active side, and what happened to the queries, sessions and
// hooks that a change affected.
//
// Each type of event is one type, with its kind, its text and its log attributes, and one
// row of the table in registry.go, with its component, its level and its log message.
//
// A Bus numbers the events of one client without gaps and delivers them to subscribers.
// Options select events by kind, component, level and side. Each subscriber has a bounded
// queue and its own goroutine. A slow, blocked or panicking subscriber loses events, which
// are counted and reported to it as EventsDropped, and delays nothing else.
//
// No event has a password, a token, a session id or the text of a statement.
package events
