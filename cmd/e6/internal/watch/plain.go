package watch

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/e6data/e6data-go/internal/visible"
)

// Plain writes every event of the sources, and every change of a fleet, as a line, or as
// a line of JSON, until ctx ends. A source that cannot be reached is reported once.
func Plain(ctx context.Context, w io.Writer, shown Shown, every time.Duration, asJSON bool) error {
	p, f := newPanels(shown.Sources), newFleets(shown.Fleets)
	var lookers sync.WaitGroup
	defer lookers.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	// Each source is polled on its own, so that a source without a response delays no other.
	lastFailure := make(chan looked)
	for i, s := range shown.Sources {
		lookers.Go(func() {
			for {
				state, err := s.Look(ctx)
				select {
				case <-ctx.Done():
					return
				case lastFailure <- looked{i, state, err}:
				}
				select {
				case <-ctx.Done():
					return
				case <-time.After(every):
				}
			}
		})
	}
	fresh := make(chan fleetUpdate)
	wait := follow(ctx, shown.Fleets, func(t fleetUpdate) {
		select {
		case fresh <- t:
		case <-ctx.Done():
		}
	})
	defer wait()
	defer stop()
	flush := time.NewTicker(time.Second)
	defer flush.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case t := <-fresh:
			if err := f.receive(w, asJSON, t); err != nil {
				return err
			}
		case <-flush.C:
			if err := f.flush(w, asJSON); err != nil {
				return err
			}
		case l := <-lastFailure:
			before := p.errs[l.source]
			fresh := p.look(l.source, l.state, l.err)
			if l.err != nil && before == nil {
				if err := write(w, asJSON, Happening{Source: p.names[l.source]}, l.err); err != nil {
					return err
				}
			}
			for _, e := range fresh {
				if err := write(w, asJSON, e, nil); err != nil {
					return err
				}
			}
		}
	}
}

// write writes an event, or that a source cannot be reached.
func write(w io.Writer, asJSON bool, e Happening, failed error) error {
	var err error
	switch {
	case failed != nil && asJSON:
		err = json.NewEncoder(w).Encode(map[string]string{"source": e.Source, "error": failed.Error()})
	case failed != nil:
		_, err = fmt.Fprintf(w, "%s  %s  cannot be reached: %s\n", time.Now().Format(clock), visible.Line(e.Source), visible.Line(failed.Error()))
	case asJSON:
		err = json.NewEncoder(w).Encode(e)
	default:
		_, err = fmt.Fprintln(w, line(e, true))
	}
	return err
}

// clock is how times of day are written.
const clock = "15:04:05.000"

// line is an event on one line.
func line(e Happening, named bool) string {
	text := e.Time.Format(clock) + "  "
	if named {
		text += visible.Line(e.Source) + "  "
	}
	text += visible.Line(e.Text) // which may hold words of others
	if e.Reason != "" {
		text += "  (" + visible.Line(e.Reason) + ")"
	}
	return text
}
