package e6

import (
	"time"

	"github.com/e6data/e6data-go/e6/internal/router"
	"github.com/e6data/e6data-go/e6/internal/settings"
	"github.com/e6data/e6data-go/e6/store"
)

// FleetPolicy coordinates a cutover of all clients that share a store. The zero value of a
// field means its default.
//
// There is no leader: each client decides by a random draw, by the responses of its cluster,
// and by the records of the store. While the store is unreachable, each client acts alone. All
// clients should have the same policy.
type FleetPolicy struct {
	// Jitter is the upper limit of a random pause before a client authenticates on an
	// announced side, so that a large fleet spreads its authentications. No query waits
	// for it: queries use the old side meanwhile, and a refusal of that side ends the
	// pause. A negative value disables it. Default: 1 s.
	Jitter time.Duration
	// StageShare is the share of the clients, from 0 to 1, in the first stage: they follow
	// an announcement first, with the client that wrote it to the store. When one of them
	// has used the new side for StageTime without a reason to leave it, it records that in
	// the store, and the others follow. If one of them rolls back, by its WithRollback
	// policy or because the side is unreachable, its veto keeps the others on the old
	// side. Every client leaves a side that refuses. Default: 0, all follow.
	StageShare float64
	// StageTime is the time that a client of the first stage uses the new side before the
	// others follow. Default: 1 minute.
	StageTime time.Duration
	// StageTimeout limits the wait of the others. When it has passed, they follow the next
	// announcement. Default: 10 minutes.
	StageTimeout time.Duration
	// RollbackVotes is the number of clients that must have rolled back from a side, each
	// by its own evidence, before the others leave it too, if the old side accepts. The
	// others then ignore announcements of the side as long as those clients do.
	// Client.Rollback rolls the whole fleet back without votes. From 1 to
	// store.MaxVetoes. Default: 2. Without WithFleet it is 1.
	RollbackVotes int
}

// WithFleet coordinates the cutovers of the clients that share a store: see FleetPolicy. It
// needs WithStore. If the store is a store.Presence, the client registers in it.
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
	if jitter < 0 { // disabled
		p.Jitter = 0
	}
	return p
}

// problems lists the invalid fields.
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
