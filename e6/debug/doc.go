// Package debug is a live page about one client: the active side, its last changes, and the
// health of both sides. Mount it next to net/http/pprof:
//
//	http.Handle("/debug/e6/", debug.Handler(client))
//
// The handler serves these resources under the prefix:
//
//   - the page, at the path that ends with a slash,
//   - state.json, a State: all data of the page, as one document,
//   - events, the same data as a stream of server-sent events (see Handler), and
//   - the scripts and styles of the page, which are embedded in the program.
//
// If the client has a flight recorder (e6.WithRecorder), the page has its timeline too:
//
//   - timeline.svg and moment.json: the drawing of a window of the recording, and the state of
//     the strategy machine at a time, and
//   - report.html, report.json and report.txt: the report of a window, as a download.
//
// They take the parameters at (a time in RFC 3339; default: now), span (a duration, or all;
// default: 5m), width (CSS pixels) and offset (minutes of the time zone east of UTC). The window
// is the span before now, or around at. The status is 400 for a parameter that is not valid,
// and 404 without a flight recorder. The form of moment.json may change.
//
// The page is read-only. It refuses every method except GET and HEAD, and every request that
// a browser makes on behalf of another site. It shows no password, token, session or
// statement. It shows the contents of the client's events, such as tags and ids of queries.
// It does not authenticate: like pprof, it belongs on an address that only the operators
// can reach.
package debug
