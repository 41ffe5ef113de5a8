// Package etcd is a store for a fleet: clients on many hosts share in etcd which
// side of a cluster is active, and see which of them are there.
//
//	shared, err := etcd.Open(clientv3.Config{Endpoints: []string{"etcd-1:2379", "etcd-2:2379"}})
//	client, err := e6.Open(ctx, cfg, e6.WithStore(shared))
//
// Close the store after the clients that use it. TLS, a user name and whatever
// else the official client can do is in its configuration; New takes a client
// that the program has already. WithNamespace, WithCallTimeout, WithLease and
// WithRefresh change the rest, and say what happens without them.
//
// # Keys
//
// Below the namespace, if there is one:
//
//	e6/v1/fact/CLUSTER        what is known about the cluster, for good
//	e6/v1/client/CLUSTER/ID   one client that is there, with a lease
//
// CLUSTER is the key that a client gives its cluster, its address and name, and ID the
// name of a client. Both are escaped as in the path of a URL, so that
// "engine:80/main" is "engine:80%2Fmain". The values are JSON objects with the
// number of their format. None is secret, and whoever may write them can cost a
// client an authentication, not a query: a role of etcd that may read and write
// the prefix e6/v1/ is all that is needed.
//
// A fact's version is the one that etcd counts for the key. Do not delete the key of
// a fact while clients run: the count begins anew then, and they ignore what
// comes until it has passed what they know.
//
// # When etcd fails
//
// A client of e6 never waits for its store on the way of a query: it goes on
// with what it knows, and with what the cluster itself says. Here is what the
// calls do meanwhile.
//
//   - Etcd is gone, slow, or cut off: Load, CompareAndSwap and Clients try again
//     until their context ends, or WithCallTimeout, and return that error.
//   - A connection breaks, etcd restarts, a member loses the others, or the past
//     was compacted: Watch and WatchClients go on by themselves, where they were or
//     with the present state. If they have to look at that (see WithRefresh) and
//     cannot within the call timeout, they return an error and can be called again,
//     which a client of e6 does, and tells of as events.StoreFailed.
//   - A connection is dead and nobody says so: pings find out, and if it is not
//     that simple, the look at the present state that WithRefresh asks for.
//   - A lease is lost: the client is listed again as soon as etcd grants another.
//   - A value is unreadable or from a newer version: Load, CompareAndSwap and Watch
//     return a *ValueError and overwrite nothing; Clients leaves it out.
package etcd
