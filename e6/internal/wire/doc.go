// Package wire is the gRPC transport of the client: it dials a cluster, adds the
// headers of the protocol to every call, and classifies every failure.
//
// A Conn is one channel to a cluster's ingress. Its stubs are bound to a side:
// no call can be made without one, since the ingress routes by the header
// strategy. The services have no proto package on the wire, while the generated
// code has one of ours; the names are mapped here, and nowhere else.
//
// Every failed call is an *Error with a Class (the kind of failure) and an Effect
// (whether the call may have changed something). They are independent: a call may
// be retried after a lost connection or after a refusal, but only the refusal
// proves that the call had no effect. A call that never got a stream, because there
// was no connection, has no effect either.
//
// The field new_strategy of every successful response is read in one place and
// reported to the Observer, together with the Stamp that was taken when the call
// was sent. The transport makes no decision about it.
//
// Retries configured in gRPC are off. The transport itself sends a call again in two
// cases only: on another connection, if it was refused or its connection could not be
// made; and a control call on its own connection, if a response broke the shared one.
package wire
