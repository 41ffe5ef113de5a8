// Package debug is a live page about one client: the active side, its last changes, and the
// health of both sides. Mount it next to net/http/pprof:
//
//	http.Handle("/debug/e6/", debug.Handler(client))
//
// The handler serves four resources under the prefix:
//
//   - the page, at the path that ends with a slash,
//   - state.json, a State: all data of the page, as one document,
//   - events, the same data as a stream of server-sent events (see Handler), and
//   - the scripts and styles of the page, which are embedded in the program.
//
// The page is read-only. It refuses every method except GET and HEAD, and every request that
// a browser makes on behalf of another site. It shows no password, token, session or
// statement. It shows the contents of the client's events, such as tags and ids of queries.
// It does not authenticate: like pprof, it belongs on an address that only the operators
// can reach.
package debug
