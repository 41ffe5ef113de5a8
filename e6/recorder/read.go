package recorder

import (
	"cmp"
	"fmt"
	"iter"
	"os"
	"slices"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/ring"
	"github.com/e6data/e6data-go/e6/internal/router"
)

// A Recording is the content of a recording.
type Recording struct {
	// Entries are the entries in the order of their times. If the clock was set back by
	// more than a second, the entries before that are before those after it: the order of
	// writing counts. The router's entries are in that order in any case.
	Entries []Entry
	// Damaged is the number of records that are not whole: the process ended, or wrote,
	// at that time. It is at most one for each process that has written.
	Damaged int
}

// ErrFormat is returned for a file that is not a recording, or not one of this version.
var ErrFormat = ring.ErrFormat

// Read reads a file. It may be in use by a client.
func Read(path string) (*Recording, error) {
	image, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("recorder: %w", err)
	}
	r, err := Parse(image)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return r, nil
}

// Parse reads the content of a file.
func Parse(image []byte) (*Recording, error) {
	lanes, damaged, err := ring.Parse(image)
	if err != nil {
		return nil, fmt.Errorf("recorder: %w", err)
	}
	return parseLanes(lanes, damaged)
}

// parseLanes returns the recording of the records of a file.
func parseLanes(lanes [][]ring.Record, damaged int) (*Recording, error) {
	r := &Recording{Damaged: damaged}
	for lane, records := range lanes {
		for _, record := range records {
			e, err := parseEntry(record.Content)
			if err != nil {
				return nil, fmt.Errorf("recorder: %w", err)
			}
			e.Seq, e.lane = record.Seq, lane
			r.Entries = append(r.Entries, e)
		}
	}
	sortEntries(r.Entries)
	return r, nil
}

// clockNoise is how far a time may be before that of an entry that was written earlier, if
// the clock was not set: an event is written some time after it has happened, and two
// goroutines that write do not agree on who is the first.
const clockNoise = time.Second

// sortEntries sorts entries by their times, between two instants at which the clock was set
// back. A clock that is set forward needs nothing.
func sortEntries(entries []Entry) {
	slices.SortFunc(entries, func(a, b Entry) int { return cmp.Compare(a.Seq, b.Seq) })
	from := 0
	var newest time.Time
	for i, e := range entries {
		if e.Time.Before(newest.Add(-clockNoise)) {
			sortByTime(entries[from:i])
			from, newest = i, time.Time{}
		}
		if e.Time.After(newest) {
			newest = e.Time
		}
	}
	sortByTime(entries[from:])
}

// sortByTime sorts entries by their times. Those of a lane stay in their order.
func sortByTime(entries []Entry) {
	var latest [ring.MaxLanes]time.Time
	for i := range entries {
		e := &entries[i]
		if e.Time.Before(latest[e.lane]) {
			e.Time = latest[e.lane]
		}
		latest[e.lane] = e.Time
	}
	slices.SortStableFunc(entries, func(a, b Entry) int { return a.Time.Compare(b.Time) })
}

// A ReplayedStep is a step of a recording and the result of its replay.
type ReplayedStep struct {
	// Time is when the router took the message.
	Time time.Time
	Step
	// Replayed are the decisions of the replay.
	Replayed []string
	// Difference describes the first difference between the record and the replay. It is
	// empty if every decision is equal, byte for byte.
	Difference string
	// Snapshot is the state of the strategy machine after the step. Held is set if new
	// queries wait then, Closed if the client takes no new queries.
	Snapshot     fsm.Snapshot
	Held, Closed bool
}

// Replay applies the recorded messages, from the first checkpoint of the recording, to the
// code of the router, and returns each step. It makes no call to a cluster. A version of
// this package replays only records of its own version, and returns an error for others. The
// replay ends after an error.
func (r *Recording) Replay() iter.Seq2[ReplayedStep, error] {
	return func(yield func(ReplayedStep, error) bool) {
		var play *router.Replay
		end := func() {
			if play != nil {
				play.Close()
			}
		}
		defer func() { end() }()
		var last ReplayedStep
		for _, e := range r.Entries {
			var err error
			_, starts := e.Data.(Start)
			switch e.Data.(type) {
			case Start, Checkpoint:
				if play != nil && !starts {
					if last.Difference = play.Verify(e.data); last.Difference != "" && !yield(last, nil) {
						return
					}
					continue
				}
				end()
				play, err = router.NewReplay(e.data)
			case Step:
				if play == nil {
					continue // older than the first checkpoint
				}
				var s router.ReplayedStep
				s, err = play.Step(e.data)
				last = ReplayedStep{
					Time: e.Time, Step: e.Data.(Step), Replayed: s.Replayed, Difference: s.Difference,
					Snapshot: s.Routing.Snapshot, Held: s.Routing.Held, Closed: s.Routing.Closed,
				}
				if err == nil && !yield(last, nil) {
					return
				}
			}
			if err != nil {
				yield(ReplayedStep{Time: e.Time}, fmt.Errorf("recorder: replay: %w", err))
				return
			}
		}
	}
}
