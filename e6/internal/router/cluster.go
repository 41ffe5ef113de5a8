package router

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/ctxerr"
	"github.com/e6data/e6data-go/e6/internal/errtext"
)

// Cluster is what a Router asks of the two sides. Its methods are called
// concurrently, return when their context ends, and report what a response
// announced to Router.Announced before they return.
type Cluster interface {
	// Authenticate opens a session on that side.
	Authenticate(ctx context.Context, side fsm.Side) (session string, err error)
	// Ping makes a harmless call on that side and returns nil if the side took
	// it, whatever it answered.
	Ping(ctx context.Context, side fsm.Side) error
	// Resume wakes a suspended cluster and returns when it is active. It calls
	// confirmed, from its own goroutine, when a status call has shown that the
	// cluster is not active; it may take its time only after that.
	Resume(ctx context.Context, side fsm.Side, confirmed func()) error
	// Reconnect is called after a round of a detection in which neither side accepted:
	// the connections may lead to where the cluster is no longer. It does not block.
	Reconnect()
	// Judge says what an error of the methods above means for the side.
	Classify(err error) Verdict
}

// Verdict is what a failed call means for the side it was sent to.
type Verdict uint8

// The verdicts.
const (
	// Accepts: the side took the call.
	Accepts Verdict = iota
	// Refuses: the ingress turned the call away, as this is not the active side.
	Refuses
	// Unreachable: no answer. Nothing is known about the side.
	Unreachable
	// Suspended: the cluster sleeps.
	Suspended
	// Denied: the credentials are wrong, and a repetition will not help.
	Denied
)

// ErrClosed is returned once a Router is closed.
var ErrClosed = ctxerr.ErrClosed

// DetectionError reports that neither side accepted the client.
type DetectionError struct {
	// Blue and Green are the last errors of the two sides, or nil for a side
	// that was not asked.
	Blue, Green error
	// Err is why the detection ended: a deadline, wrong credentials, a cluster
	// that stays suspended, or the client's end.
	Err error
}

// Error implements error.
func (e *DetectionError) Error() string { return e.text(error.Error) }

// text is the whole error, with its parts as describe says them.
func (e *DetectionError) text(describe func(error) string) string {
	text := "no side accepts: " + describe(e.Err)
	var updates [len(fsm.Sides)]string
	for i, side := range fsm.Sides {
		if err := e.side(side); err != nil && !errors.Is(e.Err, err) && !sameButForSide(describe(err), describe(e.Err)) {
			updates[i] = describe(err)
		}
	}
	blue, green := fsm.Sides[0].String(), fsm.Sides[1].String()
	if updates[0] != "" && strings.ReplaceAll(updates[0], " on "+blue, " on "+green) == updates[1] {
		return errtext.Once(text + "; " + blue + " and " + green + ": " + strings.ReplaceAll(updates[0], " on "+blue, ""))
	}
	for i, side := range fsm.Sides {
		if updates[i] != "" {
			text += fmt.Sprintf("; %s: %s", side, updates[i])
		}
	}
	return errtext.Once(text)
}

// sameButForSide reports whether two texts differ at most in the side that they name.
func sameButForSide(a, b string) bool {
	neutral := strings.NewReplacer(fsm.Blue.String(), "side", fsm.Green.String(), "side")
	return neutral.Replace(a) == neutral.Replace(b)
}

// Unwrap returns the end's reason and the last errors of the sides.
func (e *DetectionError) Unwrap() []error {
	var errs []error
	for _, err := range []error{e.Err, e.Blue, e.Green} {
		if err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}

func (e *DetectionError) side(s fsm.Side) error {
	if s == fsm.Blue {
		return e.Blue
	}
	return e.Green
}

// setFirst records the error of a side that has none yet: it was being asked when
// the time was up.
func (e *DetectionError) setFirst(s fsm.Side, err error) {
	if e.side(s) == nil {
		e.set(s, err)
	}
}

// set records the last error of a side.
func (e *DetectionError) set(s fsm.Side, err error) {
	if s == fsm.Blue {
		e.Blue = err
	} else {
		e.Green = err
	}
}
