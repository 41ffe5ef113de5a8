package e6

import (
	"time"

	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/internal/settings"
	"github.com/e6data/e6data-go/e6/store"
)

// FleetPolicy says how the clients that share a store go through a cutover together.
// The zero value of a field means its default.
//
// Each client decides for itself by what it draws, what it hears from its cluster, and
// what the store says; none of them leads the others. Without the store each goes its
// own way as if it were alone. All of them should have the same policy.
type FleetPolicy struct {
	// Jitter is the most that a client waits before it logs in to a side that was
	// announced, so that a thousand of them do not do that in one instant. Each draws
	// a time of its own. Nothing waits for it: queries go to the old side meanwhile,
	// and it ends when that one refuses. Less than 0 turns it off. Default: 1 s.
	Jitter time.Duration
	// StageShare is the share of the clients, from 0 to 1, that follow an announcement
	// first, beside the one that told the store of it. If one of them has been on the
	// new side for StageTime and has found no reason to leave it, the store says so, and
	// the others follow. If one of them goes back, because of its WithRollback policy
	// or as the side cannot be reached, its veto keeps the others where they are. A side
	// that refuses its queries is left at once, as ever. Default: 0, all follow.
	StageShare float64
	// StageTime is how long a client that goes first stays on the new side before the
	// others follow. Default: 1 minute.
	StageTime time.Duration
	// StageTimeout is how long the others wait for that at the most; then they follow
	// the next announcement. Default: 10 minutes.
	StageTimeout time.Duration
	// RollbackVotes is how many clients must have gone back from a side, each because
	// of what it saw itself, before the others leave it as well, if the old side accepts.
	// So many also make them ignore announcements of the side for as long as those that
	// went back do. Client.Rollback takes the fleet back by itself. From 1 to
	// store.MaxVetoes. Default: 2. Without WithFleet it is 1.
	RollbackVotes int
}

// WithFleet lets the clients of one store go through a cutover together. It needs
// WithStore. If the store is a store.Presence, the client is listed in it.
func WithFleet(p FleetPolicy) Option { return func(o *options) { o.fleet = &p } }

// fields are the fields with their defaults and limits.
func (p *FleetPolicy) fields() []limited {
	return []limited{
		limit[time.Duration]{"FleetPolicy.Jitter", &p.Jitter, time.Second, time.Millisecond, time.Hour},
		limit[float64]{"FleetPolicy.StageShare", &p.StageShare, 0, 0, 1},
		limit[time.Duration]{"FleetPolicy.StageTime", &p.StageTime, time.Minute, time.Millisecond, 30 * day},
		limit[time.Duration]{"FleetPolicy.StageTimeout", &p.StageTimeout, 10 * time.Minute, time.Millisecond, 30 * day},
		limit[int]{"FleetPolicy.RollbackVotes", &p.RollbackVotes, 2, 1, store.MaxVetoes},
	}
}

func (p FleetPolicy) withDefaults() FleetPolicy {
	jitter := p.Jitter
	fillAll(p.fields())
	if jitter < 0 { // none
		p.Jitter = 0
	}
	return p
}

// problems lists what is wrong with the policy.
func (p FleetPolicy) problems(shared store.Store) (all []Problem) {
	if shared == nil {
		all = append(all, Problem{Field: "WithFleet", Value: "used without WithStore", Want: "a store that the fleet shares: add WithStore"})
	}
	set := p
	set.Jitter = max(set.Jitter, 0) // less than 0 turns it off
	all = append(all, problemsOfAll(set.fields())...)
	if d := p.withDefaults(); len(all) == 0 && d.StageTimeout <= d.StageTime {
		all = append(all, Problem{Field: "FleetPolicy.StageTimeout", Value: settings.FormatDuration(d.StageTimeout),
			Want: "a duration longer than StageTime, which is " + settings.FormatDuration(d.StageTime)})
	}
	return all
}

// fleetPolicy is the policy for the router.
func (o *options) fleetPolicy() router.Fleet {
	if o.fleet == nil {
		return router.Fleet{Votes: 1}
	}
	p := o.fleet.withDefaults()
	return router.Fleet{
		Present: true, Jitter: p.Jitter, StageShare: p.StageShare, StageTime: p.StageTime, StageTimeout: p.StageTimeout,
		Votes: p.RollbackVotes,
	}
}
