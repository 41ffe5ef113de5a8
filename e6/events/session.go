package events

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// KindSessionOpened is the kind of SessionOpened.
const KindSessionOpened Kind = "session_opened"

// SessionOpened: the client has authenticated on a side.
type SessionOpened struct {
	Side fsm.Side
	// Generation is the number of the session on the side, from 1.
	Generation uint64
	Took       time.Duration
	// Purpose is detect, prepare or session, as in ProbeFailed.
	Purpose string
}

// String describes the event in one line.
func (d SessionOpened) String() string {
	return fmt.Sprintf("session %d on %s opened in %s", d.Generation, d.Side, short(d.Took))
}

func (d SessionOpened) attrs(a *attrs) {
	a.side("side", d.Side)
	a.add(slog.Uint64("generation", d.Generation))
	a.ms("took_ms", d.Took)
	a.text("purpose", d.Purpose)
}

func (d SessionOpened) sides() sideSet { return sidesOf(d.Side) }

// KindSessionExpired is the kind of SessionExpired.
const KindSessionExpired Kind = "session_expired"

// SessionExpired: the engine no longer accepts a session. The client opens another one.
type SessionExpired struct {
	Side       fsm.Side
	Generation uint64
}

// String describes the event in one line.
func (d SessionExpired) String() string {
	return fmt.Sprintf("session %d on %s expired", d.Generation, d.Side)
}

func (d SessionExpired) attrs(a *attrs) {
	a.side("side", d.Side)
	a.add(slog.Uint64("generation", d.Generation))
}

func (d SessionExpired) sides() sideSet { return sidesOf(d.Side) }
