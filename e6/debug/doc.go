// Package debug is a live page about one client: which side serves, how it came
// to that, and how both sides do. Mount it next to net/http/pprof:
//
//	http.Handle("/debug/e6/", debug.Handler(client))
//
// Under the prefix are four things:
//
//   - the page itself, at the path that ends with a slash,
//   - state.json, a State: everything the page shows, as one document,
//   - events, the same as a stream of server-sent events (see Handler), and
//   - the scripts and styles of the page, which come with the program.
//
// The page only reads. It refuses every method but GET and HEAD, and every
// request that a browser makes on behalf of another site. It shows no password,
// token, session or statement; it does show what the events of the client hold,
// such as tags and ids of queries. It does not authenticate: like pprof, it
// belongs on an address that only the operators reach.
package debug
