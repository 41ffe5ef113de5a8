// Package exec runs statements: from their first attempt, over retries and replays, to the
// last row of their result.
//
// An Executor connects a router, which selects the side, with the transport, and has what
// all statements of a client share. Statements use both, the sessions and the bus of events
// through the interfaces of ports.go. A Statement is an immutable value. An attempt runs it
// once on one side; its remote is the statement on the server, and the calls about it are
// methods of the remote. A run repeats attempts until one succeeds or none is allowed; its
// repeater counts them, and catalog calls have a repeater too. A Sink takes the result.
//
// The package knows no client: package e6 supplies the hooks and the constructors of the
// public errors. Time and randomness come from package time, which testing/synctest
// replaces, and from the backoff policies that it is given.
package exec
