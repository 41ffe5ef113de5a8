package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/e6data/e6data-go/e6/recorder"
)

// recorders are the recorders of a client and of the client of its sql.DB: files in the
// directory of the record, or small ones in memory, whose oldest records are overwritten.
func (r *record) recorders(title string) ([]*recorder.Recorder, error) {
	if r.keep == "" {
		return []*recorder.Recorder{recorder.Memory(recorder.Size(1 << 20)), recorder.Memory(recorder.Size(1 << 20))}, nil
	}
	if err := os.MkdirAll(r.keep, 0o700); err != nil {
		return nil, err
	}
	file := func(suffix string) *recorder.Recorder {
		path := filepath.Join(r.keep, strings.ReplaceAll(title, " ", "-")+suffix)
		_ = os.Remove(path) // of an earlier run
		return recorder.File(path)
	}
	return []*recorder.Recorder{file(".rec"), file("-sql.rec")}, nil
}

// equalReplay replays the recording of a closed client. It returns the number of steps, and
// an error for the first decision that differs.
func equalReplay(title string, r *recorder.Recorder) (steps int64, err error) {
	recording, err := r.Recording()
	if err != nil {
		return 0, fmt.Errorf("%s: %w", title, err)
	}
	for step, err := range recording.Replay() {
		if err != nil {
			return steps, fmt.Errorf("%s: %w", title, err)
		}
		if step.Difference != "" {
			return steps, fmt.Errorf("%s: the replay of step %d, %s %s at %s, differs: %s", title, steps, step.Message, step.Fields, step.Time, step.Difference)
		}
		steps++
	}
	// A client that does not close in time drops its last records: a missing step before
	// another one is a difference.
	if steps == 0 {
		return 0, fmt.Errorf("%s: no step is recorded, and %d records are missing", title, r.Dropped())
	}
	return steps, nil
}
