package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/e6data/e6data-go/cmd/e6/internal/fleet"
	"github.com/e6data/e6data-go/cmd/e6/internal/stores"
	"github.com/e6data/e6data-go/e6/config"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/internal/visible"
)

func newFleetCommand(a *app) *cobra.Command {
	var each, asJSON bool
	cmd := &cobra.Command{
		Use:   "fleet",
		Short: "Show the clients that share a store, roll them back, wait for them",
		Long: `Fleet shows the record of a cluster in the store of --store: which side is active, which
one was announced, the vetoes on a side, and the clients that use the store with
WithFleet, where the store lists them (etcd does, files do not). Which cluster is
used is set as for any other command; neither a user nor a token is needed.

A store is etcd://HOST:PORT[,HOST:PORT...][/NAMESPACE], the same with etcds:// for TLS,
or file:[DIRECTORY]. Etcd's user, password and certificates come from the variables
that etcdctl has for them: ETCDCTL_USER, ETCDCTL_PASSWORD, ETCDCTL_CACERT,
ETCDCTL_CERT and ETCDCTL_KEY.

"e6 watch --store URL" shows the same as it changes.`,
		Example: `  e6 fleet --store etcd://etcd-1:2379,etcd-2:2379/analytics --profile prod
  e6 fleet --store file: --address localhost:50052
  e6 fleet rollback --reason "the sums are wrong" --profile prod
  e6 fleet release --profile prod
  e6 fleet wait --drained blue --timeout 15m --profile prod`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return needsCommand(cmd, args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.fleet(cmd, func(ctx context.Context, s store.Store, cluster string) error {
				state, err := fleet.Look(ctx, s, cluster)
				switch {
				case err != nil:
					return err
				case asJSON:
					return json.NewEncoder(a.out).Encode(state)
				}
				return state.Write(a.out, each)
			})
		},
	}
	cmd.Flags().BoolVar(&each, "all", false, "list each client, not groups of them")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.AddCommand(newFleetRollbackCommand(a), newFleetReleaseCommand(a), newFleetWaitCommand(a))
	return cmd
}

// fleet runs do with the store and the key of the cluster that the flags name.
func (a *app) fleet(cmd *cobra.Command, do func(ctx context.Context, s store.Store, cluster string) error) error {
	ctx, cancel := a.limited(cmd)
	defer cancel()
	cfg, err := config.Load(a.connection.sources(cmd)...)
	if err != nil {
		return err
	}
	if cfg.Address == "" {
		return &usageError{errors.New("which cluster: give --address, --profile or --dsn"), cmd.CommandPath()}
	}
	s, err := a.openStore()
	if err != nil {
		return err
	}
	if s == nil {
		return &usageError{errors.New("which store: give --store, or set " + stores.Env), cmd.CommandPath()}
	}
	return cause(ctx, do(ctx, s, fleet.Key(cfg)))
}

// sideFlag is a flag that names a side.
type sideFlag struct{ fsm.Side }

func (f *sideFlag) Type() string { return "side" }

func (f *sideFlag) String() string {
	if !f.Valid() {
		return ""
	}
	return f.Side.String()
}

func (f *sideFlag) Set(text string) error {
	side, err := fsm.ParseSide(text)
	if err == nil && !side.Valid() {
		err = errors.New("want blue or green")
	}
	f.Side = side
	return err
}

var _ pflag.Value = (*sideFlag)(nil)

// rollbackFlags are the flags of e6 fleet rollback.
type rollbackFlags struct {
	side    sideFlag
	reason  string
	lasts   time.Duration
	patient time.Duration
	yes     bool
}

func newFleetRollbackCommand(a *app) *cobra.Command {
	var f rollbackFlags
	cmd := &cobra.Command{
		Use:   "rollback",
		Short: "Move all clients away from a side",
		Long: `Rollback makes the clients of a cluster leave, through their store, the side that is
announced or active, and suppress its announcements for a while. A client leaves only
if the other side accepts it, so make sure first that it serves. Running queries finish
on their side. If most clients are not on the side that the store has as active, --side
is required.

It asks for a confirmation, unless --yes is given. Where the store lists clients, it
then waits until none of them is on the side any more. Exit code 1 means that some
still are.`,
		Example: `  e6 fleet rollback --reason "the sums are wrong" --profile prod
  e6 fleet rollback --side green --reason "CASE-123" --for 2h --yes --profile prod`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.reason == "" {
				return &usageError{errors.New("roll back: no reason: give one with --reason"), cmd.CommandPath()}
			}
			return a.fleet(cmd, func(ctx context.Context, s store.Store, cluster string) error {
				return a.rollbackFleet(ctx, s, cluster, f)
			})
		},
	}
	cmd.Flags().StringVar(&f.reason, "reason", "", "`REASON`, shown to the other users")
	cmd.Flags().Var(&f.side, "side", "`SIDE` to leave: blue or green; the one that was announced or is active")
	cmd.Flags().DurationVar(&f.lasts, "for", 30*time.Minute, "`TIME` for which announcements of the side are suppressed, 24h at most")
	cmd.Flags().DurationVar(&f.patient, "wait", 30*time.Second, "`TIME` to wait for the clients; 0 does not wait")
	cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "skip the confirmation")
	return cmd
}

func (a *app) rollbackFleet(ctx context.Context, s store.Store, cluster string, f rollbackFlags) error {
	before, err := fleet.Look(ctx, s, cluster)
	if err != nil {
		return err
	}
	side := f.side.Side
	if !side.Valid() {
		if side, err = sideToLeave(before); err != nil {
			return err
		}
	}
	if before.Record.Vetoed(side.Other()) {
		return fmt.Errorf("roll back: a veto on %s is active, so clients cannot move there: 'e6 fleet' shows it, 'e6 fleet release --side %s' removes it", side.Other(), side.Other())
	}
	question := fmt.Sprintf("Move the clients of %s from %s back to %s for %s?", before.Name(), side, side.Other(), f.lasts)
	if n := len(before.Clients); n > 0 {
		question = fmt.Sprintf("Move the clients of %s (%d, of them %d on %s) from %s back to %s for %s?",
			before.Name(), n, before.On(side), side, side, side.Other(), f.lasts)
	}
	if !f.yes && !a.confirmed(question) {
		return errors.New("roll back: not confirmed: --yes skips the confirmation")
	}
	record, err := store.Rollback(ctx, s, cluster, store.Directive{Side: side, Reason: f.reason, Who: whoami(), For: f.lasts})
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(a.out, "%s; %s is vetoed until %s\n", fleet.Record(record), side, time.Now().Add(f.lasts).Format(time.DateTime))
	return a.waitForFleet(ctx, s, cluster, side, f.patient)
}

// sideToLeave is the side that a rollback without --side leaves:
// the announced one, otherwise the active one.
//
// A client shows where it is before it has written the store's record. For that moment,
// and for longer if the record cannot be written, the record still names the side that
// the clients have left. A veto on that side would keep them on the side to leave, which is
// the opposite of the intention. So the record alone does not decide against the
// majority of the clients.
func sideToLeave(s fleet.State) (fsm.Side, error) {
	side := s.Record.Side()
	if !side.Valid() {
		return side, fmt.Errorf("the store has no record of %s: check the address, or name the side to leave with --side", s.Name())
	}
	announced := s.Record.Announced == side && s.Record.Active != side
	if there, elsewhere := s.On(side), s.On(side.Other()); !announced && elsewhere > there {
		return side, fmt.Errorf("the store has %s as active, but %d of %d clients are on %s: name the side to leave with --side",
			side, elsewhere, len(s.Clients), side.Other())
	}
	return side, nil
}

// errStay is the cause of a context in which clients were waited for.
var errStay = errors.New("clients stay")

// waitForFleet waits until no client is on a side any more, where the store lists them.
// The timeout begins when the store has listed them: a slow store is not
// a client that stays.
func (a *app) waitForFleet(ctx context.Context, s store.Store, cluster string, side fsm.Side, patience time.Duration) error {
	lists, ok := s.(store.Presence)
	if !ok || patience <= 0 {
		return nil
	}
	waiting, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	stay, all := -1, 0
	var reported time.Time
	var deadline *time.Timer
	err := lists.WatchClients(waiting, cluster, func(clients []store.Client) {
		if deadline == nil {
			deadline = time.AfterFunc(patience, func() { stop(errStay) })
		}
		stay, all = fleet.State{Clients: clients}.On(side), len(clients)
		if stay == 0 || time.Since(reported) >= time.Second { // not a line for each of a thousand
			reported = time.Now()
			_, _ = fmt.Fprintf(a.out, "clients: %d; on %s: %d\n", all, side, stay)
		}
		if stay == 0 {
			stop(nil)
		}
	})
	if deadline != nil {
		deadline.Stop()
	}
	switch {
	case stay == 0:
		return nil
	case stay > 0 && errors.Is(context.Cause(waiting), errStay):
		return fmt.Errorf("after %s %d of %d clients are still on %s: they leave when %s accepts them; 'e6 fleet --all' lists them",
			patience, stay, all, side, side.Other())
	}
	return err
}

func newFleetReleaseCommand(a *app) *cobra.Command {
	var side sideFlag
	cmd := &cobra.Command{
		Use:   "release",
		Short: "Remove the vetoes on a side",
		Long: `Release removes every veto on a side, those of clients and those of "e6 fleet
rollback", so that its announcements count again. It moves no client: the next
announcement does.`,
		Example: `  e6 fleet release --profile prod
  e6 fleet release --side green --profile prod`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.fleet(cmd, func(ctx context.Context, s store.Store, cluster string) error {
				sides := fsm.Sides[:]
				if side.Valid() {
					sides = []fsm.Side{side.Side}
				}
				for _, each := range sides {
					_, n, err := store.Release(ctx, s, cluster, each, whoami())
					if err != nil {
						return err
					}
					_, _ = fmt.Fprintf(a.out, "vetoes removed from %s: %d\n", each, n)
				}
				return nil
			})
		},
	}
	cmd.Flags().Var(&side, "side", "`SIDE` whose vetoes are removed: blue or green; both")
	return cmd
}

// whoami is the author of a directive, for people: user@host.
func whoami() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		name += "@" + host
	}
	return visible.Line(name[:min(len(name), 64)])
}
