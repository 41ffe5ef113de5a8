// Package fsm is the strategy machine of a blue/green client. It holds which side
// serves the client, and the phase of a transition from one side to the other.
//
// The machine is pure: it does no I/O, starts no goroutine and makes no decision. Its
// owner fires events with Machine.Fire and gets a Transition or a *TransitionError.
// The events, with their sources and destinations, are one declared table. The table is
// validated before the first machine is made; Mermaid and Graphviz draw it.
//
// Each Machine owns an instance of github.com/looplab/fsm. The current state of that
// instance is the state of the machine; its callback on entering a state publishes the
// Snapshot that readers load. Three properties of looplab/fsm would break a caller, and
// the wrapper keeps them out of reach:
//
//   - A callback with a mistyped name is ignored: there is one callback, under a name
//     that depends on no state, and the tests fail if it is not called.
//   - SetState accepts any string: the instance is not exported and nothing calls it.
//   - looplab/fsm unlocks before it calls the callback, and an event fired within one
//     may deadlock: Machine holds a lock of its own until the Snapshot is published, and
//     runs no code of the caller within it.
package fsm
