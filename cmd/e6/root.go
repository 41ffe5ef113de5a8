package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// app is what the commands share.
type app struct {
	in          io.Reader
	out, errOut io.Writer
	connection  connection
	interrupts  interrupts
	atEnd       []func() error // closes what commands have opened, after their clients
	started     bool           // a command runs, so that what fails from now on is no wrong usage
}

const longHelp = `e6 is a client of the e6data SQL engine for the terminal. Its queries survive the
cluster's blue/green deployments.

Which cluster it uses is put together from a profile, the environment, a data source
name and flags; each overrides the one before it. "e6 config show" shows what came
from where. A token does not belong on a command line, which others can see: it comes
from the profile, from E6DATA_PASSWORD or --token-file, or is prompted for.

Exit codes:
    0  done
    1  the engine refused or failed the statement, or a check failed
    2  wrong usage, configuration or parameter
    3  the cluster is not reachable, is suspended, or rejects the credentials
    4  a cutover cut off a query that could not be run again safely
  124  --timeout has passed
  130  interrupted, terminated, or hung up; a running query was cancelled on the server`

// run executes a command line and returns the exit code. The signals end it, or what
// it does at the moment.
func run(args []string, signals chan os.Signal, in io.Reader, out, errOut io.Writer) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	a := &app{in: in, out: out, errOut: errOut}
	go a.interrupts.watch(ctx, signals, cancel)
	root := newRootCommand(a)
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errOut)
	cmd, err := root.ExecuteContextC(ctx)
	for _, end := range a.atEnd {
		_ = end()
	}
	if err != nil && !a.started {
		err = &usageError{err: err, command: cmd.CommandPath()}
	}
	return a.report(ctx, err)
}

func newRootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "e6",
		Short: "Run SQL on e6data, through blue/green deployments",
		Long:  longHelp,
		Example: `  e6 query "SELECT 1" --address localhost:50052 --user me@example.com
  e6 shell --profile prod
  e6 doctor`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return needsCommand(cmd, args)
		},
		// Without a command, print the help.
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if a.connection.timeout < 0 {
				return fmt.Errorf("--timeout %s: want a positive time, or 0 for no limit", a.connection.timeout)
			}
			a.started = true
			return nil
		},
	}
	root.CompletionOptions.HiddenDefaultCmd = false
	a.connection.addFlags(root.PersistentFlags())
	root.AddCommand(newQueryCommand(a), newShellCommand(a), newConfigCommand(a), newClusterCommand(a), newWatchCommand(a), newRecordCommand(a), newFleetCommand(a), newDoctorCommand(a), newEmulatorCommand(a), newVersionCommand(a))
	inOrder(root)
	return root
}

// inOrder lists flags as they were added, which is by their importance.
func inOrder(cmd *cobra.Command) {
	cmd.Flags().SortFlags = false
	cmd.PersistentFlags().SortFlags = false
	for _, sub := range cmd.Commands() {
		inOrder(sub)
	}
}

// needsCommand checks the arguments of a command that only holds others.
func needsCommand(cmd *cobra.Command, args []string) error {
	var names []string
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	known := strings.Join(names, ", ")
	if len(args) == 0 {
		return fmt.Errorf("which of its commands: %s", known)
	}
	text := fmt.Sprintf("unknown command %q for %q: want one of %s", args[0], cmd.CommandPath(), known)
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		text += "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return errors.New(text)
}

// onTerminal reports whether a stream is a terminal, and returns its descriptor.
func onTerminal(stream any) (int, bool) {
	f, ok := stream.(*os.File)
	if !ok {
		return 0, false
	}
	return int(f.Fd()), term.IsTerminal(int(f.Fd()))
}

// dumbTerminal reports whether the terminal knows no escape sequences, so that nothing
// on it can be removed or redrawn.
func dumbTerminal() bool {
	name := os.Getenv("TERM")
	return name == "dumb" || name == "" && runtime.GOOS != "windows"
}

// noColor reports whether the user wants neither colours nor other styles: see
// https://no-color.org.
func noColor() bool { return os.Getenv("NO_COLOR") != "" }

// interactive reports whether a person sits in front of the command.
func (a *app) interactive() bool {
	_, in := onTerminal(a.in)
	_, out := onTerminal(a.out)
	return in && out
}
