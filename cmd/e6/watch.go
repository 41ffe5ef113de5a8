package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/e6data/e6data-go/cmd/e6/internal/fleet"
	"github.com/e6data/e6data-go/cmd/e6/internal/watch"
	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/config"
	"github.com/e6data/e6data-go/e6/profile"
)

// watchFlags are the flags of e6 watch.
type watchFlags struct {
	plain, json bool
	interval    time.Duration
	refresh     time.Duration
	sql         string
}

func newWatchCommand(a *app) *cobra.Command {
	var f watchFlags
	cmd := &cobra.Command{
		Use:   "watch [PROFILE | DSN | URL]...",
		Short: "Watch the sides of clusters, and the clients of running programs",
		Long: `Watch shows, as it happens, which side serves, what state the client's machine is in,
the queries on both sides, and the events: what was announced, refused, retried, lost.

It watches clients of its own, which run a statement from time to time: that of the
flags, or one for each PROFILE and DSN. A URL is the debug page of a program that
mounts package debug, such as http://127.0.0.1:6060/debug/e6/; there it shows what
happens to the program's own queries.

With --store it also shows what that store knows of the clusters which the flags, a
PROFILE or a DSN name, and the clients that share it. It does not take part in that.

On a terminal the screen is redrawn; q ends it. Otherwise, with --plain, or if TERM
is dumb, each event is a line, with --json one of JSON. A cluster that cannot be reached
and a statement that fails are shown as such, and tried again.`,
		Example: `  e6 watch
  e6 watch dev prod
  e6 watch http://10.0.0.1:6060/debug/e6/ http://10.0.0.2:6060/debug/e6/
  e6 watch --store etcd://etcd-1:2379/analytics prod
  e6 watch --json prod >> events.jsonl`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.watch(cmd, f, args) },
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			names, _, _ := profile.Names(a.connection.file)
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
	cmd.Flags().BoolVar(&f.plain, "plain", false, "print events as lines")
	cmd.Flags().BoolVar(&f.json, "json", false, "print events as lines of JSON")
	cmd.Flags().DurationVar(&f.interval, "interval", 2*time.Second, "`TIME` between two statements of a client")
	cmd.Flags().DurationVar(&f.refresh, "refresh", 500*time.Millisecond, "`TIME` between two looks at a client")
	cmd.Flags().StringVar(&f.sql, "sql", "SELECT 1", "`STATEMENT` that a client runs; it should change nothing")
	return cmd
}

func (a *app) watch(cmd *cobra.Command, f watchFlags, args []string) error {
	if f.interval < 100*time.Millisecond || f.refresh < 50*time.Millisecond {
		return &usageError{err: errors.New("--interval must be 100ms or more, and --refresh 50ms"), command: cmd.CommandPath()}
	}
	ctx, cancel := a.limited(cmd)
	defer cancel()
	var probes sync.WaitGroup
	defer probes.Wait()
	ctx, stop := context.WithCancel(ctx)
	defer stop()

	shown, clients, err := a.watched(ctx, cmd, args)
	defer func() {
		for _, c := range clients {
			_ = c.Close()
		}
	}()
	if err != nil {
		return err
	}
	for _, c := range clients {
		probes.Go(func() { c.Probe(ctx, f.sql, f.interval, oneLine) })
	}
	_, terminal := onTerminal(a.out)
	if terminal && !f.plain && !f.json && !dumbTerminal() {
		err = watch.Live(ctx, a.in, a.out, shown, f.refresh, noColor())
	} else {
		err = watch.Plain(ctx, a.out, shown, f.refresh, f.json)
	}
	if errors.Is(context.Cause(ctx), errTimeout) {
		return err // the time of --for is over
	}
	return errors.Join(err, cmd.Context().Err())
}

// oneLine is what went wrong, in one line.
func oneLine(err error) string {
	text, _ := strings.CutSuffix(describe(err, exitStatement), seeDoctor)
	return strings.Join(strings.Fields(text), " ")
}

// watched is what the arguments name, and the clients that were opened for it.
func (a *app) watched(ctx context.Context, cmd *cobra.Command, args []string) (shown watch.Shown, clients []*watch.Client, err error) {
	shared, err := a.openStore()
	if err != nil {
		return shown, nil, err
	}
	add := func(name string, cfg e6.Config) error {
		client, err := e6.Open(ctx, cfg, e6.WithLazyOpen())
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		c := watch.NewClient(name, client)
		clients = append(clients, c)
		shown.Sources = append(shown.Sources, c.Source())
		if shared != nil {
			shown.Fleets = append(shown.Fleets, watch.Fleet{Store: shared, Cluster: fleet.Key(cfg)})
		}
		return nil
	}
	if len(args) == 0 {
		cfg, err := a.promptedConfig(cmd)
		if err == nil {
			err = add(cfg.Address, cfg)
		}
		return shown, clients, err
	}
	for _, arg := range args {
		if strings.HasPrefix(arg, "http://") || strings.HasPrefix(arg, "https://") {
			shown.Sources = append(shown.Sources, watch.Remote(arg))
			continue
		}
		of := a.connection
		name := arg
		if strings.Contains(arg, "://") {
			of.dsn = arg
		} else {
			of.profile = arg
		}
		cfg, err := config.Load(of.sources(cmd)...)
		if err != nil {
			return shown, clients, err
		}
		if of.dsn == arg {
			name = cfg.Address // the argument may hold a token
		}
		if err := add(name, cfg); err != nil {
			return shown, clients, err
		}
	}
	return shown, clients, nil
}
