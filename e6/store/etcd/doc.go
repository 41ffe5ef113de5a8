// Package etcd is a store for a fleet: clients on many hosts share in etcd which
// side of a cluster is active, and list each other.
//
//	shared, err := etcd.Open(clientv3.Config{Endpoints: []string{"etcd-1:2379", "etcd-2:2379"}})
//	client, err := e6.Open(ctx, cfg, e6.WithStore(shared))
//
// Close the store after the clients that use it. The configuration of the
// official client has TLS, the user name and its other settings; New takes a client that
// the program has already. WithNamespace, WithCallTimeout, WithLease and WithRefresh are
// the settings of the store; each documents its default.
//
// # Keys
//
// Below the namespace, if there is one:
//
//	e6/v1/fact/CLUSTER        the record of the cluster, without a lease
//	e6/v1/client/CLUSTER/ID   one registered client, with a lease
//
// CLUSTER is the key that a client gives its cluster, its address and name, and ID the
// name of a client. Both are escaped as in the path of a URL, so that
// "engine:80/main" is "engine:80%2Fmain". The values are JSON objects with the
// number of their format. None is secret, and a writer of wrong values can cost a
// client an authentication, not a query: an etcd role that may read and write
// the prefix e6/v1/ is all that is needed.
//
// The version of a record is etcd's version of the key. Do not delete the key of
// a record while clients run: the version restarts at 1 then, and clients ignore
// records until it exceeds the one that they have seen.
//
// # When etcd fails
//
// A client of e6 never waits for its store in the path of a query: it continues
// with its own state, and with the answers of the cluster. This is what the
// calls of the store do meanwhile.
//
//   - Etcd is down, slow, or unreachable: Load, CompareAndSwap and Clients retry
//     until their context ends, or WithCallTimeout, and return that error.
//   - A connection breaks, etcd restarts, a member loses quorum, or the revision
//     was compacted: Watch and WatchClients resume, from the last revision or
//     with the current state. If they have to read that (see WithRefresh) and
//     cannot within the call timeout, they return an error and can be called again,
//     which a client of e6 does, and reports as events.StoreFailed.
//   - A connection is dead without an error: keep-alive pings detect it; a stream
//     that is dead in one direction is detected by the refresh (see WithRefresh).
//   - A lease is lost: the client is listed again as soon as etcd grants another.
//   - A value is unreadable or from a newer version: Load, CompareAndSwap and Watch
//     return a *ValueError and overwrite nothing; Clients leaves it out.
package etcd
