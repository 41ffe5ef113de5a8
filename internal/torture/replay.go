package main

import (
	"fmt"

	"github.com/e6data/e6data-go/e6/recorder"
)

// requireEqualReplay replays the record of a closed client, and returns an error for the
// first decision that differs.
func requireEqualReplay(title string, r *recorder.Recorder) error {
	recording, err := r.Recording()
	if err != nil {
		return fmt.Errorf("%s: %w", title, err)
	}
	steps := 0
	for step, err := range recording.Replay() {
		if err != nil {
			return fmt.Errorf("%s: %w", title, err)
		}
		if step.Difference != "" {
			return fmt.Errorf("%s: the replay of step %d, %s %s at %s, differs: %s", title, steps, step.Message, step.Fields, step.Time, step.Difference)
		}
		steps++
	}
	// A client that does not close in time drops its last records: a missing step before
	// another one is a difference.
	if steps == 0 {
		return fmt.Errorf("%s: no step is recorded, and %d records are missing", title, r.Dropped())
	}
	return nil
}
