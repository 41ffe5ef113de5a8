// Package wire is the gRPC transport of the client: it dials a cluster, puts
// the protocol's headers on every call, and says of every failure what it was
// and what it left behind.
//
// A Conn is one channel to a cluster's ingress. Its stubs are bound to a side:
// no call can be made without one, since the ingress routes by the header
// strategy. The services have no proto package on the wire, while the generated
// code has one of ours; the names are mapped here, and nowhere else.
//
// Every failed call is an *Error with a Class (what happened) and an Effect
// (whether the call may have done something). The two are separate questions:
// a lost connection and a refusal may both be worth another try, but only the
// refusal says that nothing happened. A call that never got a stream, because
// there was no connection, has no effect either.
//
// Every successful response is looked at for the field new_strategy, in one
// place, and what it says is reported to the Observer together with the Stamp
// that was taken when the call was sent. The transport draws no conclusions.
//
// Nothing is ever repeated here: retries configured in gRPC are off, and only a
// stream that the server has provably not processed is opened again.
package wire
