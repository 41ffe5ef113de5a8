package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/e6data/e6data-go/cmd/e6/internal/record"
	"github.com/e6data/e6data-go/e6/recorder"
)

func newRecordCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "record",
		Short: "Read the flight recordings of programs",
		Long: `Record reads the file of a program's flight recorder: what its client received and
decided, its events, and the outcome of each query. A program writes the file if it
opens its client with e6.WithRecorder(recorder.File("PATH")). The file can be read
while the program runs, and after it was killed. No cluster is called.

A TIME is a time of day (14:02, 14:02:03.5), which is the last one in the recording; a
date and a time ("2030-01-31 14:02"); a time of RFC 3339; or a duration before the end
of the recording (10m). Times without a zone are local: TZ=UTC selects another zone.`,
		Example: `  e6 record show /var/lib/app/e6.rec --since 14:00 --until 14:05
  e6 record tail /var/lib/app/e6.rec
  e6 record replay /var/lib/app/e6.rec --at 14:02
  e6 record report /var/lib/app/e6.rec -o report.html`,
		Args: needsCommand,
		RunE: func(cmd *cobra.Command, args []string) error { return needsCommand(cmd, args) },
	}
	cmd.AddCommand(newRecordShowCommand(a), newRecordTailCommand(a), newRecordReplayCommand(a), newRecordReportCommand(a))
	return cmd
}

// recordFile checks the arguments of a command that reads a recording.
func recordFile(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("%s takes one argument, the FILE of a recording, and got %d", cmd.Name(), len(args))
	}
	return nil
}

// recordFlags are the flags that select entries.
type recordFlags struct {
	filter       record.Filter
	since, until string
	asJSON       bool
	noPager      bool
	last         int
	refresh      time.Duration
}

func (f *recordFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringSliceVar(&f.filter.Kinds, "kind", nil, "`KIND` of entries or events, or outcome of queries; may be repeated")
	flags.StringVar(&f.filter.Query, "query", "", "`ID` of the only query to show, or its hash")
	flags.BoolVar(&f.filter.All, "all", false, "every entry, with the messages of the router and its decisions")
	flags.BoolVar(&f.asJSON, "json", false, "print lines of JSON")
	_ = cmd.RegisterFlagCompletionFunc("kind", cobra.FixedCompletions(record.KnownKinds(), cobra.ShellCompDirectiveNoFileComp))
}

// check reports flags without a meaning.
func (f *recordFlags) check(cmd *cobra.Command) error {
	err := f.filter.Check()
	if err == nil && f.filter.All && len(f.filter.Kinds) > 0 {
		err = errors.New("both --all and --kind: want one of them")
	}
	if err != nil {
		return &usageError{err, cmd.CommandPath()}
	}
	return nil
}

// times sets the bounds of the filter, which are relative to the recording.
func (f *recordFlags) times(cmd *cobra.Command, r *recorder.Recording) (err error) {
	if f.since != "" {
		if f.filter.Since, _, err = record.When(f.since, r, time.Local); err != nil {
			return &usageError{fmt.Errorf("--since: %w", err), cmd.CommandPath()}
		}
	}
	if f.until != "" {
		if _, f.filter.Until, err = record.When(f.until, r, time.Local); err != nil {
			return &usageError{fmt.Errorf("--until: %w", err), cmd.CommandPath()}
		}
	}
	return nil
}

func newRecordShowCommand(a *app) *cobra.Command {
	var f recordFlags
	cmd := &cobra.Command{
		Use:   "show FILE",
		Short: "Print a recording",
		Long: `Show prints a summary of a recording, and its entries in the order of time: the steps of
the strategy machine, the events, and the outcome of each query. Messages of the router
are left out, unless --all or --kind message is given.

--kind selects start, transition, event, query, message or checkpoint; a kind of event,
such as query_lost; or the outcome of a query: ok, retried, replayed, continued, failed
or lost. A recording has the hash of each query id: --query takes the id or the hash.`,
		Example: `  e6 record show /var/lib/app/e6.rec
  e6 record show e6.rec --since 14:00 --until 14:05
  e6 record show e6.rec --kind retried,replayed,lost
  e6 record show e6.rec --json --all | jq 'select(.kind == "message")'`,
		Args: recordFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			r, err := record.Read(args[0])
			if err == nil {
				err = f.times(cmd, r)
			}
			if err != nil {
				return err
			}
			entries := f.filter.Apply(r)
			return a.paged(f.noPager || f.asJSON, func(w io.Writer) error {
				p := record.NewPrinter(w, f.asJSON, time.Local)
				if err := p.Header(record.NewHeader(args[0], r), len(entries), f.filter); err != nil {
					return err
				}
				return p.Entries(entries)
			})
		},
	}
	f.add(cmd)
	cmd.Flags().StringVar(&f.since, "since", "", "`TIME` of the first entry: 14:02, \"2030-01-31 14:02\", or 10m before the end")
	cmd.Flags().StringVar(&f.until, "until", "", "`TIME` of the last entry, in the same forms")
	cmd.Flags().BoolVar(&f.noPager, "no-pager", false, "do not use a pager")
	return cmd
}

// paged runs write with the standard output, or with a pager on a terminal.
func (a *app) paged(noPager bool, write func(io.Writer) error) error {
	_, toTerminal := onTerminal(a.out)
	to, err := a.sinkOf("", toTerminal, noPager)
	if err != nil {
		return err
	}
	return to.End(write(to))
}

func newRecordTailCommand(a *app) *cobra.Command {
	var f recordFlags
	cmd := &cobra.Command{
		Use:   "tail FILE",
		Short: "Follow the recording of a running program",
		Long: `Tail prints the last entries of a recording, and then each entry that the program adds,
until it is interrupted or --timeout has passed. --kind and the lines are those of
"e6 record show". If the program replaces its file, the new file is followed.`,
		Example: `  e6 record tail /var/lib/app/e6.rec
  e6 record tail e6.rec --last 0 --kind transition,lost
  e6 record tail e6.rec --json >> entries.jsonl`,
		Args: recordFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case f.last < 0:
				return &usageError{fmt.Errorf("--last %d: want a number of entries, or 0 for none", f.last), cmd.CommandPath()}
			case f.refresh < 50*time.Millisecond:
				return &usageError{fmt.Errorf("--refresh %s: want 50ms or more", f.refresh), cmd.CommandPath()}
			}
			if err := f.check(cmd); err != nil {
				return err
			}
			ctx, cancel := a.limited(cmd)
			defer cancel()
			p := record.NewPrinter(a.out, f.asJSON, time.Local)
			if err := record.Tail(ctx, args[0], p, f.filter, f.last, f.refresh); err != nil {
				return err
			}
			return ended(cmd, ctx)
		},
	}
	f.add(cmd)
	cmd.Flags().IntVar(&f.last, "last", 10, "`N` entries to print first")
	cmd.Flags().DurationVar(&f.refresh, "refresh", time.Second, "`TIME` between two looks at the file")
	return cmd
}

// ended is the error of a command that runs until its context ends: nil if that was due to
// --timeout.
func ended(cmd *cobra.Command, ctx context.Context) error {
	if errors.Is(context.Cause(ctx), errTimeout) {
		return nil
	}
	return cmd.Context().Err()
}

// replayFlags are the flags of e6 record replay.
type replayFlags struct {
	selection record.Selection
	at        string
	asJSON    bool
	noPager   bool
}

// check reports flags without a meaning.
func (f *replayFlags) check(cmd *cobra.Command) error {
	var given []string
	for _, name := range []string{"step", "at", "find"} {
		if cmd.Flags().Changed(name) {
			given = append(given, "--"+name)
		}
	}
	switch {
	case len(given) > 1:
		return &usageError{fmt.Errorf("%s: want one of them", strings.Join(given, " and ")), cmd.CommandPath()}
	case cmd.Flags().Changed("step") && f.selection.Step < 1:
		return &usageError{fmt.Errorf("--step %d: want the number of a step, from 1", f.selection.Step), cmd.CommandPath()}
	case f.selection.Context < 0:
		return &usageError{fmt.Errorf("--context %d: want a number of steps", f.selection.Context), cmd.CommandPath()}
	}
	return nil
}

func newRecordReplayCommand(a *app) *cobra.Command {
	var f replayFlags
	cmd := &cobra.Command{
		Use:   "replay FILE",
		Short: "Apply the recorded messages to the code of the router again",
		Long: `Replay applies the messages of a recording to the code of the client's router, and prints
each step: the message, the state of the strategy machine and the routing of new queries
after it, and the decisions. Times and random numbers come from the recording, so the
decisions are equal to the recorded ones byte for byte. No cluster is called.

--step, --at or --find jump to steps. The whole recording is replayed and compared, and
the first step that differs is printed in any case.

Exit code 1 means that a decision differs: this program has other rules than the one that
wrote the recording, or the file was changed. Exit code 2 means that the file cannot be
replayed.`,
		Example: `  e6 record replay /var/lib/app/e6.rec
  e6 record replay e6.rec --at 14:02:03 --context 2
  e6 record replay e6.rec --step 17
  e6 record replay e6.rec --find strategy_changed`,
		Args: recordFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			r, play, err := record.ReadReplay(args[0])
			if err != nil {
				return err
			}
			if f.at != "" {
				if _, f.selection.At, err = record.When(f.at, r, time.Local); err != nil {
					return &usageError{fmt.Errorf("--at: %w", err), cmd.CommandPath()}
				}
			}
			selected, err := play.Select(f.selection)
			if err != nil {
				return &usageError{err, cmd.CommandPath()}
			}
			err = a.paged(f.noPager || f.asJSON, func(w io.Writer) error {
				return record.NewPrinter(w, f.asJSON, time.Local).Steps(play, selected)
			})
			return errors.Join(err, play.Check())
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&f.selection.Step, "step", 0, "`N` of the step to print, from 1")
	flags.StringVar(&f.at, "at", "", "`TIME` whose state to print: 14:02, \"2030-01-31 14:02\", or 10m before the end")
	flags.StringVar(&f.selection.Find, "find", "", "`TEXT` in the message or the decisions of the steps to print")
	flags.IntVarP(&f.selection.Context, "context", "C", 0, "print `N` steps before and after each too")
	flags.BoolVar(&f.asJSON, "json", false, "print lines of JSON")
	flags.BoolVar(&f.noPager, "no-pager", false, "do not use a pager")
	return cmd
}
