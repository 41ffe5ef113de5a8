// Package fsm is the strategy machine of a blue/green client: which side serves
// it, and how far a change from one side to the other is.
//
// The machine is pure: it does no I/O, starts no goroutine, reads no clock that
// it is not given, and decides nothing. Whoever owns it fires events, and gets a
// Transition or a *TransitionError back. Its events, with their sources and
// destinations, are one declared table, which is checked when a machine is made
// and from which Mermaid and Graphviz draw their pictures.
//
// The engine underneath is github.com/looplab/fsm. It is wrapped so that none
// of its loose ends can be reached: states and events are typed, nothing sets a
// state from outside, and there are no callbacks.
package fsm
