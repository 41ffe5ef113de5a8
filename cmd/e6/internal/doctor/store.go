package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/e6data/e6data-go/cmd/e6/internal/fleet"
	"github.com/e6data/e6data-go/cmd/e6/internal/stores"
	"github.com/e6data/e6data-go/e6"
)

// store reads the store that the cluster's clients share. They work without it, so that
// only a name which means none is a failure.
func (r *Report) store(ctx context.Context, name string, cfg e6.Config) {
	r.secrets.keep(stores.Passwords()...)
	s, closed, err := stores.Open(name)
	if err != nil {
		r.add(checkStore, Fail, err.Error(), "give --store, or set "+stores.Env+", to what clients are given")
		return
	}
	defer func() { _ = closed() }()
	ctx, cancel := context.WithTimeout(ctx, step)
	defer cancel()
	begin := time.Now()
	state, err := fleet.Look(ctx, s, fleet.Key(cfg))
	if err != nil {
		r.add(checkStore, Warn, err.Error(), "clients go on with what they know: check that the store runs, and can be reached and read from here")
		return
	}
	seen := fmt.Sprintf("%s; in %s", state.Line(), round(time.Since(begin)))
	if vetoes := state.Record.ActiveVetoes(); len(vetoes) > 0 {
		for _, v := range vetoes {
			seen += "\nveto on " + fleet.Veto(v)
		}
		r.add(checkStore, Warn, seen, "no client that shares the store goes to a side with a veto: 'e6 fleet release' lifts it")
		return
	}
	if recorded := state.Record.Active; recorded.Valid() && r.active != "" && recorded.String() != r.active {
		r.add(checkStore, Warn, fmt.Sprintf("%s; the cluster's active side is %s", seen, r.active),
			"nothing: clients verify the record, and the next one that authenticates corrects it")
		return
	}
	r.ok(checkStore, "%s", seen)
}
