// Package recordertest prints the last cutover of a client when a test fails.
//
//	client, err := e6.Open(ctx, cfg, e6.WithRecorder(recordertest.New(t)))
//
// It prints the report that e6 record report prints of a file: what changed and why, the duration
// of each phase, the queries that were retried, replayed, continued or lost, and which setting
// would have helped.
package recordertest

import (
	"strings"

	"github.com/e6data/e6data-go/e6/recorder"
	"github.com/e6data/e6data-go/internal/report"
)

// TB is the part of testing.TB that New needs.
type TB interface {
	Helper()
	Cleanup(func())
	Failed() bool
	Logf(format string, args ...any)
	Name() string
}

// New returns a recorder in memory. If the test has failed when it ends, New logs a report of the
// last change of the active side, and of what followed. Call New before the client is opened:
// cleanups run in reverse order, so that the report has the end of the client too. Each client of
// a test needs a recorder of its own.
func New(t TB, opts ...recorder.Option) *recorder.Recorder {
	t.Helper()
	r := recorder.Memory(opts...)
	t.Cleanup(func() {
		t.Helper()
		if !t.Failed() {
			return
		}
		recording, err := r.Recording()
		if err != nil {
			t.Logf("recordertest: read the recording: %v", err)
			return
		}
		t.Logf("the last cutover of the client:\n%s", lastChange(t.Name(), recording))
	})
	return r
}

// lastChange is the text of the report from the last change on. Without a change it is that of the
// whole recording.
func lastChange(name string, recording *recorder.Recording) string {
	source := report.Source{Name: name, Recording: recording}
	all := report.New(report.Options{}, source)
	if n := len(all.Changes); n > 0 {
		all = report.New(report.Options{Since: all.Changes[n-1].Began}, source)
	}
	var b strings.Builder
	_ = all.Text(&b) // a Builder returns no error
	return b.String()
}
