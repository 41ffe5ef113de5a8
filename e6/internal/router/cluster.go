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

// Cluster makes the calls of a Router to the two sides. Its methods are called
// concurrently and return when their context ends. They pass an announcement in a
// response to Router.Announced before they return.
type Cluster interface {
	// Authenticate opens a session on that side.
	Authenticate(ctx context.Context, side fsm.Side) (session string, err error)
	// Ping is a health probe: it makes a call without effect on that side and returns
	// nil if the side took it, for any response.
	Ping(ctx context.Context, side fsm.Side) error
	// Resume resumes a suspended cluster and returns when it is active. It calls
	// confirmed, on its own goroutine, when a status call has shown that the cluster
	// is not active; only after that it may take longer than a probe.
	Resume(ctx context.Context, side fsm.Side, confirmed func()) error
	// Reconnect is called after a round of a detection in which no side accepted:
	// the address of the cluster may have changed. It does not block.
	Reconnect()
	// Classify returns the verdict that an error of the methods above gives on the side.
	Classify(err error) Verdict
}

// Verdict is what a failed call means for the side it was sent to.
type Verdict uint8

// The verdicts.
const (
	// Accepts: the side took the call.
	Accepts Verdict = iota
	// Refuses: the ingress refused the call (456), as this is not the active side.
	Refuses
	// Unreachable: no response. The state of the side is unknown.
	Unreachable
	// Suspended: the cluster is suspended.
	Suspended
	// Denied: the credentials are wrong. A retry does not help.
	Denied
)

// ErrClosed is returned once a Router is closed.
var ErrClosed = ctxerr.ErrClosed

// DetectionError reports that no side accepted the client.
type DetectionError struct {
	// Blue and Green are the last errors of the two sides, or nil for a side
	// that was not tried.
	Blue, Green error
	// Err is the reason for the end of the detection: a deadline, wrong credentials,
	// a cluster that stays suspended, or a closed client.
	Err error
}

// Error implements error.
func (e *DetectionError) Error() string { return e.text(error.Error) }

// text is the text of the error, with describe for the errors that it wraps.
func (e *DetectionError) text(describe func(error) string) string {
	text := "no side accepts: " + describe(e.Err)
	var texts [len(fsm.Sides)]string
	for i, side := range fsm.Sides {
		if err := e.side(side); err != nil && !errors.Is(e.Err, err) && !sameButForSide(describe(err), describe(e.Err)) {
			texts[i] = describe(err)
		}
	}
	blue, green := fsm.Sides[0].String(), fsm.Sides[1].String()
	if texts[0] != "" && strings.ReplaceAll(texts[0], " on "+blue, " on "+green) == texts[1] {
		return errtext.Once(text + "; " + blue + " and " + green + ": " + strings.ReplaceAll(texts[0], " on "+blue, ""))
	}
	for i, side := range fsm.Sides {
		if texts[i] != "" {
			text += fmt.Sprintf("; %s: %s", side, texts[i])
		}
	}
	return errtext.Once(text)
}

// sameButForSide reports whether two texts differ at most in the side that they name.
func sameButForSide(a, b string) bool {
	neutral := strings.NewReplacer(fsm.Blue.String(), "side", fsm.Green.String(), "side")
	return neutral.Replace(a) == neutral.Replace(b)
}

// Unwrap returns Err and the last errors of the sides.
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

// setFirst records the error of a side that has none yet: its login was in flight when
// the detection timed out.
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
