package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/e6data/e6data-go/cmd/e6/internal/output"
	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/internal/sqltext"
	"github.com/e6data/e6data-go/internal/visible"
)

func newShellCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "shell",
		Short: "Type statements and see their results",
		Long: `Shell reads statements and prints their results. A statement ends with a semicolon and
may have any number of lines; the arrow keys bring earlier ones back. Ctrl-C cancels
the statement that runs, and leaves the shell alone; Ctrl-D ends it. When the cluster
changes sides, the shell prints it.

Commands begin with a backslash; \? lists them.

Without a terminal, statements and commands come from the standard input, and the
first one that fails ends the shell.`,
		Example: "  e6 shell --profile dev\n  e6 shell < report.sql",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.shell(cmd) },
	}
	return cmd
}

// shell is a shell that runs.
type shell struct {
	*app
	client          *e6.Client
	catalog, schema string
	format          string
	timing          bool
	file            *os.File // where results go, if it is not the terminal
	notices         chan string
}

// errQuit ends a shell.
var errQuit = errors.New("quit")

func (a *app) shell(cmd *cobra.Command) error {
	cfg, err := a.promptedConfig(cmd)
	if err != nil {
		return err
	}
	ctx, cancel := a.limited(cmd)
	defer cancel()
	client, err := e6.Open(ctx, cfg)
	if err != nil {
		return cause(ctx, err)
	}
	s := &shell{app: a, client: client, catalog: cfg.Catalog, schema: cfg.Schema, format: "table", notices: make(chan string, 100)}
	defer s.close()
	client.Subscribe(func(e events.Event) {
		if d, ok := e.Data.(events.StrategyChanged); ok && d.From.Valid() && d.To.Valid() {
			s.notify(fmt.Sprintf("%s serves new queries now, no longer %s", d.To, d.From))
		}
	}, events.Kinds(events.KindStrategyChanged))
	if a.interactive() {
		return s.talk(ctx, cfg)
	}
	return cause(ctx, s.read(ctx, a.in))
}

func (s *shell) close() {
	_ = s.client.Close()
	if s.file != nil {
		_ = s.file.Close()
	}
}

// notify keeps a text for the next prompt.
func (s *shell) notify(text string) {
	select {
	case s.notices <- text:
	default: // the shell was idle for a hundred cutovers: drop the event
	}
}

// talk reads from a terminal until its user has enough.
func (s *shell) talk(ctx context.Context, cfg e6.Config) error {
	_, _ = fmt.Fprintf(s.out, "Connected to %s. \\? lists the commands, \\q ends.\n", cfg.Address)
	editor, err := newEditor(s.complete)
	if err != nil {
		return err
	}
	defer func() { _ = editor.close() }()
	if err := editor.load(); err != nil {
		_, _ = fmt.Fprintf(s.errOut, "e6: the history is not kept: %v\n", err)
	}
	for ctx.Err() == nil {
		s.printEvents()
		line, err := s.typed(ctx, editor)
		switch {
		case errors.Is(err, errInterrupted):
			continue
		case errors.Is(err, io.EOF):
			_, _ = fmt.Fprintln(s.out)
			return nil
		case err != nil:
			return err
		}
		lent, giveBack := s.interrupts.lend(ctx)
		err = s.line(lent, line)
		interrupted := lent.Err() != nil && ctx.Err() == nil
		giveBack()
		switch {
		case errors.Is(err, errQuit):
			return nil
		case interrupted:
			_, _ = fmt.Fprintln(s.errOut, "cancelled")
		case err != nil:
			_, _ = fmt.Fprintln(s.errOut, printable(describe(err, exitStatement)))
		}
	}
	return context.Cause(ctx)
}

// typed is what is typed up to the end of a statement. A signal that ends the shell does
// not wait for it: the read is left behind, and ends with the process.
func (s *shell) typed(ctx context.Context, editor *editor) (string, error) {
	type read struct {
		line string
		err  error
	}
	done := make(chan read, 1)
	go func() {
		line, err := editor.read(s.prompt(), accepted)
		done <- read{line, err}
	}()
	select {
	case r := <-done:
		return r.line, r.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}

// prompt shows the catalog and the schema, and the active side.
func (s *shell) prompt() string {
	place := strings.Trim(s.catalog+"."+s.schema, ".")
	return strings.TrimSpace(place+" "+s.client.Strategy().Active.String()) + "> "
}

// printEvents prints the events of the cluster since the last call.
func (s *shell) printEvents() {
	for {
		select {
		case text := <-s.notices:
			_, _ = fmt.Fprintln(s.errOut, "-- "+visible.Line(text))
		default:
			return
		}
	}
}

// accepted reports whether what was typed can run: commands can, and statements that
// end with a semicolon.
func accepted(text string) bool {
	if strings.HasPrefix(strings.TrimSpace(text), `\`) {
		return true
	}
	_, _, blank := sqltext.Statements(text)
	return blank
}

// read runs what a reader has, to its end or the first failure.
func (s *shell) read(ctx context.Context, r io.Reader) error {
	var held strings.Builder
	lines := bufio.NewReader(r)
	for {
		line, end := lines.ReadString('\n')
		if end != nil && end != io.EOF {
			return end
		}
		held.WriteString(line)
		if text := held.String(); end == io.EOF || accepted(text) {
			held.Reset()
			err := s.line(ctx, text)
			s.printEvents()
			if errors.Is(err, errQuit) {
				return nil
			}
			if err != nil {
				return err
			}
		}
		if end == io.EOF {
			return nil
		}
	}
}

// line runs a command, or statements.
func (s *shell) line(ctx context.Context, text string) error {
	if trimmed := strings.TrimSpace(text); strings.HasPrefix(trimmed, `\`) {
		return s.command(ctx, trimmed)
	}
	for _, sql := range split(text) {
		if err := s.statement(ctx, sql); err != nil {
			return err
		}
	}
	return nil
}

// statement runs a statement and prints its result.
func (s *shell) statement(ctx context.Context, sql string) error {
	begin := time.Now()
	ctx = e6.WithQueryOptions(ctx, e6.InCatalog(s.catalog), e6.InSchema(s.schema))
	err := s.shown(func(sink io.Writer, p *progress, toTerminal bool) error {
		w := output.New(s.format, p.before(sink, toTerminal), output.Options{Null: "NULL", Terminal: toTerminal})
		return printed(ctx, s.client, w, p, sql, queryFlags{}, nil)
	})
	if err == nil && s.timing {
		_, _ = fmt.Fprintf(s.out, "Time: %s\n", time.Since(begin).Round(time.Millisecond))
	}
	return err
}

// shown lets print write to where results go.
func (s *shell) shown(print func(sink io.Writer, p *progress, toTerminal bool) error) error {
	if s.file != nil {
		p := newProgress(s.errOut, false)
		defer p.end()
		return print(s.file, p, false)
	}
	_, toTerminal := onTerminal(s.out)
	sink, err := s.sinkOf("", toTerminal, false)
	if err != nil {
		return err
	}
	p := newProgress(s.errOut, false)
	err = print(sink, p, toTerminal)
	p.end()
	return sink.End(err)
}
