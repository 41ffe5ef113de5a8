// Package recorder is the flight recorder of a client: a file with the last messages and
// decisions of its router, its events, and the outcome of each query. It answers "what
// happened at 14:02?" after the process is gone.
//
//	client, err := e6.Open(ctx, cfg, e6.WithRecorder(recorder.File("/var/lib/app/e6.rec")))
//
// The file has a fixed size, 8 MiB by default, and mode 0600. Old records are overwritten.
// It can be read at any time, also after kill -9: Read returns its entries, and
// Recording.Replay applies the recorded messages to the code of the router and compares its
// decisions with the recorded ones.
//
// A record has no SQL text, no credentials, no session ids and no rows. Query ids are
// hashed, unless PlainQueryIDs is set: HashQueryID returns the hash of an id from a log.
//
// Memory is a recorder without a file, for tests.
package recorder
