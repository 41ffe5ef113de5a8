package record

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/recorder"
	"github.com/e6data/e6data-go/internal/visible"
)

// A Selection selects steps of a replay. The zero Selection selects all.
type Selection struct {
	// Step is the number of a step, from 1. Default: 0, none.
	Step int
	// At is a time: the youngest step that is not younger is selected. Default: none.
	At time.Time
	// Find is a text in the message or in a decision of a step. Default: none.
	Find string
	// Context is how many steps before and after each are selected too.
	Context int
}

// A SelectionError reports that a Selection selects no step.
type SelectionError struct{ text string }

// Error implements error.
func (e *SelectionError) Error() string { return e.text }

// A DifferenceError reports that a replay differs from the recording.
type DifferenceError struct {
	// Step is the number of the first step that differs, from 1.
	Step int
	// Message is the name of its message, and Time when the router took it.
	Message string
	Time    time.Time
	// Difference is the first difference.
	Difference string
	// Different is the number of steps that differ, and Steps the number of all.
	Different, Steps int
}

// Error implements error.
func (e *DifferenceError) Error() string {
	return fmt.Sprintf("replay: %d of %d steps differ from the recording, first step %d (%s): %s: use the version of e6 that the program was built with, or the file was changed",
		e.Different, e.Steps, e.Step, e.Message, e.Difference)
}

// A Replay is the result of the replay of a recording.
type Replay struct {
	// Steps are the steps, in order.
	Steps []recorder.ReplayedStep
	// Skipped is the number of messages before the first checkpoint: they have no state
	// to be applied to.
	Skipped int
}

var errNoSteps = errors.New("it has nothing to replay: the client has not used a side yet")

// ReadReplay reads a file and replays it. The error is a *FileError, also for a file of
// another version of the router.
func ReadReplay(path string) (*recorder.Recording, Replay, error) {
	r, err := Read(path)
	if err != nil {
		return nil, Replay{}, err
	}
	play, err := newReplay(r)
	if err == nil && len(play.Steps) == 0 {
		err = errNoSteps
	}
	if err != nil {
		return nil, Replay{}, &FileError{path, err}
	}
	return r, play, nil
}

func newReplay(r *recorder.Recording) (play Replay, err error) {
	messages := 0
	for _, e := range r.Entries {
		if kindOf(e) == kindMessage {
			messages++
		}
	}
	for step, err := range r.Replay() {
		if err != nil {
			return play, err
		}
		play.Steps = add(play.Steps, step)
	}
	play.Skipped = messages - len(play.Steps)
	return play, nil
}

// add adds a step. A checkpoint that differs is the step before it again, with the
// difference.
func add(steps []recorder.ReplayedStep, s recorder.ReplayedStep) []recorder.ReplayedStep {
	if n := len(steps); n > 0 && s.Difference != "" && same(steps[n-1], s) {
		steps[n-1].Difference = cmp.Or(steps[n-1].Difference, s.Difference)
		return steps
	}
	return append(steps, s)
}

// same reports whether two steps are of one message.
func same(a, b recorder.ReplayedStep) bool {
	return a.Time.Equal(b.Time) && a.Message == b.Message && a.Fields == b.Fields && slices.Equal(a.Decisions, b.Decisions)
}

// Check returns a *DifferenceError if the replay differs from the recording.
func (play Replay) Check() error {
	var first *DifferenceError
	for i, s := range play.Steps {
		if s.Difference == "" {
			continue
		}
		if first == nil {
			first = &DifferenceError{Step: i + 1, Message: s.Message, Time: s.Time, Difference: s.Difference, Steps: len(play.Steps)}
		}
		first.Different++
	}
	if first == nil {
		return nil
	}
	return first
}

// Select returns for each step whether it is selected. The error is a *SelectionError.
func (play Replay) Select(s Selection) (selected []bool, err error) {
	selected = make([]bool, len(play.Steps))
	choose := func(i int) {
		for k := max(0, i-s.Context); k <= min(len(selected)-1, i+s.Context); k++ {
			selected[k] = true
		}
	}
	switch {
	case s.Step != 0:
		if s.Step < 1 || s.Step > len(play.Steps) {
			return nil, &SelectionError{fmt.Sprintf("step %d: the replay has the steps 1 to %d", s.Step, len(play.Steps))}
		}
		choose(s.Step - 1)
	case !s.At.IsZero():
		i := play.at(s.At)
		if i < 0 {
			earliest := slices.MinFunc(play.Steps, func(a, b recorder.ReplayedStep) int { return a.Time.Compare(b.Time) })
			return nil, &SelectionError{fmt.Sprintf("the replay begins later, at %s", earliest.Time.In(s.At.Location()).Format(time.DateTime))}
		}
		choose(i)
	case s.Find != "":
		for i, step := range play.Steps {
			if found(step, s.Find) {
				choose(i)
			}
		}
		if !slices.Contains(selected, true) {
			return nil, &SelectionError{fmt.Sprintf("no step has the text %q: omit --find to print all", s.Find)}
		}
	default:
		for i := range selected {
			choose(i)
		}
	}
	return selected, nil
}

// at is the index of the youngest step that is not younger than a time, and -1 without one. If
// the clock was set, the steps are not in the order of their times.
func (play Replay) at(t time.Time) int {
	found := -1
	for i, s := range play.Steps {
		if !s.Time.After(t) && (found < 0 || !s.Time.Before(play.Steps[found].Time)) {
			found = i
		}
	}
	return found
}

// found reports whether a step has a text.
func found(s recorder.ReplayedStep, text string) bool {
	has := func(line string) bool { return strings.Contains(line, text) }
	return has(s.Message+" "+s.Fields) || slices.ContainsFunc(s.Decisions, has) || slices.ContainsFunc(s.Replayed, has)
}

// routing is where new queries go after a step.
func routing(s recorder.ReplayedStep) string {
	switch {
	case s.Closed:
		return "the client takes no new queries"
	case s.Held:
		return "new queries wait"
	case !s.Snapshot.Active.Valid():
		return "new queries wait for a side"
	case s.Snapshot.Phase == fsm.PhaseShared:
		return fmt.Sprintf("a selector sends new queries to %s or %s", s.Snapshot.Target, s.Snapshot.Origin())
	}
	return fmt.Sprintf("new queries use %s", s.Snapshot.Active)
}

// Steps writes the selected steps of a replay, and the first one that differs.
func (p *Printer) Steps(play Replay, selected []bool) error {
	differs := false
	for i, s := range play.Steps {
		first := s.Difference != "" && !differs
		differs = differs || first
		if !selected[i] && !first {
			continue
		}
		if err := p.step(i+1, s); err != nil {
			return err
		}
	}
	if p.json {
		return nil
	}
	text := fmt.Sprintf("%d steps replayed", len(play.Steps))
	if !differs {
		text += ": every decision is equal to the recorded one"
	}
	if play.Skipped > 0 {
		text += fmt.Sprintf("; %d older messages have no checkpoint before them", play.Skipped)
	}
	_, err := fmt.Fprintf(p.w, "\n%s\n", text)
	return err
}

// step writes a step: the message, the state and the routing after it, and the decisions.
func (p *Printer) step(number int, s recorder.ReplayedStep) error {
	if p.json {
		return json.NewEncoder(p.w).Encode(stepDocument(number, s))
	}
	var b strings.Builder
	if err := p.dayOf(&b, s.Time); err != nil {
		return err
	}
	line := func(name, text string) { fmt.Fprintf(&b, "%17s%-8s %s\n", "", name, visible.Line(text)) }
	fmt.Fprintf(&b, "%s  step %d: %s\n", s.Time.In(p.zone).Format(clock), number, visible.Line(strings.TrimSpace(s.Message+" "+s.Fields)))
	line("state", fmt.Sprintf("%s, epoch %d%s", s.Snapshot, s.Snapshot.Epoch, because(s.Snapshot.Cause.String())))
	line("routing", routing(s))
	for i, decision := range s.Replayed {
		name := ""
		if i == 0 {
			name = "decided"
		}
		line(name, decision)
	}
	if s.Difference != "" {
		line("DIFFERS", s.Difference)
	}
	_, err := io.WriteString(p.w, b.String())
	return err
}

// stepDocument is a step in JSON.
func stepDocument(number int, s recorder.ReplayedStep) any {
	if s.Difference == "" {
		s.Replayed = nil // equal to the decisions
	}
	return struct {
		Number int       `json:"step"`
		Time   time.Time `json:"time"`
		recorder.Step
		Replayed   []string   `json:"replayed,omitempty"`
		Difference string     `json:"difference,omitempty"`
		Strategy   fsm.Report `json:"strategy"`
		Held       bool       `json:"held"`
		Closed     bool       `json:"closed"`
	}{number, s.Time, s.Step, s.Replayed, s.Difference, s.Snapshot.Report(), s.Held, s.Closed}
}
