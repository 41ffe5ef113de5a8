package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/e6data/e6data-go/cmd/e6/internal/fleet"
	"github.com/e6data/e6data-go/e6/store"
	"github.com/e6data/e6data-go/internal/visible"
)

// waitFlags are the flags of e6 fleet wait.
type waitFlags struct {
	drained sideFlag
	grace   time.Duration
	asJSON  bool
}

func newFleetWaitCommand(a *app) *cobra.Command {
	var f waitFlags
	cmd := &cobra.Command{
		Use:   "wait",
		Short: "Wait until all clients have left a side",
		Long: `Wait returns when the clients of a cluster have left the side of --drained, so that a
pipeline can take it down. The store must list clients: etcd does, files do not.

It waits until the record in the store has the other side as active, and each client has
reported that it knows this record, routes no new queries to the side, and runs none
there. A client whose entry disappears without such a report, because its lease expired
or it was closed, is waited for as long as --grace. Leases that expired before
the command began are not known to it, so it never takes less than --grace. Make
--grace longer than your longest query. Programs without WithFleet are not listed.

Exit code 0 means that the side is drained. Exit code 124 means that --timeout has
passed; the message names the missing clients, and --json lists them with their reasons:
active, in_flight, unconfirmed, silent or lost.`,
		Example: `  e6 fleet wait --drained blue --timeout 15m --profile prod
  e6 fleet wait --drained blue --grace 2m --json --profile prod`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case !f.drained.Valid():
				return &usageError{errors.New("wait for what: give --drained SIDE"), cmd.CommandPath()}
			case f.grace < 0:
				return &usageError{fmt.Errorf("--grace %s: want a positive time, or 0 for none", f.grace), cmd.CommandPath()}
			}
			return a.fleet(cmd, func(ctx context.Context, s store.Store, cluster string) error {
				return a.waitForDrain(ctx, s, cluster, f)
			})
		},
	}
	cmd.Flags().Var(&f.drained, "drained", "`SIDE` that all clients must have left: blue or green")
	cmd.Flags().DurationVar(&f.grace, "grace", store.DefaultGrace, "`TIME` to wait for a client that disappeared without a report; 0 for none")
	cmd.Flags().BoolVar(&f.asJSON, "json", false, "print the result as JSON")
	return cmd
}

// waitForDrain waits until a side is drained. It prints the changes and the result, or
// with --json the result alone.
func (a *app) waitForDrain(ctx context.Context, s store.Store, cluster string, f waitFlags) error {
	opts := store.DrainOptions{Grace: f.grace}
	if f.grace == 0 {
		opts.Grace = -1
	}
	if !f.asJSON {
		last := ""
		opts.OnStatus = func(now store.DrainStatus) {
			if line := fleet.Drain(now); line != last && !now.Drained {
				last = line
				_, _ = fmt.Fprintln(a.out, visible.Line(line))
			}
		}
	}
	status, err := store.Drained(ctx, s, cluster, f.drained.Side, opts)
	switch {
	case f.asJSON:
		if encodeErr := json.NewEncoder(a.out).Encode(status); encodeErr != nil {
			return encodeErr
		}
	case err == nil:
		_, _ = fmt.Fprintln(a.out, visible.Line(fleet.Drain(status)))
		for _, c := range status.Expired {
			_, _ = fmt.Fprintln(a.out, visible.Line(fmt.Sprintf("disappeared without a report: %s on %s (%s)", c.Program, c.Host, c.ID)))
		}
	}
	return err
}
