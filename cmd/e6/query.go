package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/e6data/e6data-go/cmd/e6/internal/output"
	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/internal/sqltext"
)

// queryFlags are the flags of e6 query.
type queryFlags struct {
	file     string
	format   string
	output   string
	args     []string
	params   []string
	maxRows  int64
	tag      string
	noHeader bool
	null     string
	noPager  bool
	quiet    bool
}

func newQueryCommand(a *app) *cobra.Command {
	var f queryFlags
	cmd := &cobra.Command{
		Use:   "query [SQL | -]",
		Short: "Run statements and print their results",
		Long: `Query runs SQL and prints the result: the statements of the argument, of a file, or
of the standard input if there is no argument and no file, or if the argument is "-".
Statements end with a semicolon; they run one after the other, until one fails.

On a terminal the result is a table. Otherwise it is CSV, or what the name of the output
ends in: .json, .jsonl or .parquet. --format chooses another one:
    table      columns with lines between them
    expanded   one line for each value
    csv        comma-separated; nulls are empty unless --null is set
    json       an array of objects; decimals and whole numbers have all their digits
    jsonl      an object on each line
    parquet    a Parquet file, of one statement; needs --output or a redirection

Results are printed as they come, in constant memory. A table that is longer than
the terminal goes through $PAGER (less, if that is not set). While a query runs, a
line on the terminal shows its progress. Ctrl-C, SIGTERM and SIGHUP cancel it on the
server. The file of --output is written when all statements have succeeded: until then,
and if one fails, it is left as it was.

Values for placeholders, ? or :name, are numbers, true, false and null; everything
else is text, and so is what stands in double quotes: --arg '"5"'.`,
		Example: `  e6 query "SELECT * FROM orders WHERE id = ? AND state = ?" --arg 7 --arg open
  e6 query "SELECT count(*) FROM orders WHERE day = :day" --param day=2026-02-12
  e6 query -f report.sql --format csv --output report.csv
  echo "SELECT 1" | e6 query --format jsonl`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return fmt.Errorf("query takes one argument and got %d: put the SQL in quotes", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.query(cmd, f, args) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&f.file, "file", "f", "", "`FILE` with the statements")
	flags.StringVar(&f.format, "format", "", "`FORMAT` of the result: "+strings.Join(output.Formats(), ", "))
	flags.StringVarP(&f.output, "output", "o", "", "`FILE` to write the result to")
	flags.StringArrayVar(&f.args, "arg", nil, "`VALUE` of the next ? in the statement; may be repeated")
	flags.StringArrayVar(&f.params, "param", nil, "`NAME=VALUE` of a :name or @name; may be repeated")
	flags.Int64Var(&f.maxRows, "max-rows", 0, "end each result after `N` rows; 0 for no limit")
	flags.StringVar(&f.tag, "tag", "", "`NAME` of the queries in events and errors")
	flags.BoolVar(&f.noHeader, "no-header", false, "leave out the names of the columns")
	flags.StringVar(&f.null, "null", "", "`TEXT` of a null in a table (NULL by default) and in CSV")
	flags.BoolVar(&f.noPager, "no-pager", false, "do not use a pager")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "no line about the progress")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(output.Formats(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) query(cmd *cobra.Command, f queryFlags, args []string) error {
	wrong := func(err error) error { return &usageError{err: err, command: cmd.CommandPath()} }
	toTerminal := false
	if _, terminal := onTerminal(a.out); terminal && f.output == "" {
		toTerminal = true
	}
	if f.format == "" {
		f.format = formatFor(f.output, toTerminal)
	}
	if err := output.Check(f.format, output.Formats()); err != nil {
		return wrong(fmt.Errorf("--%w", err))
	}
	if f.format == output.Parquet && toTerminal {
		return wrong(errors.New("--format parquet: a terminal cannot show it: want --output FILE"))
	}
	if f.format == "table" || f.format == "expanded" {
		if !cmd.Flags().Changed("null") {
			f.null = "NULL"
		}
	}
	if f.maxRows < 0 {
		return wrong(fmt.Errorf("--max-rows %d: want a number of rows, or 0 for no limit", f.maxRows))
	}
	values, err := parameters(f.args, f.params)
	if err != nil {
		return wrong(err)
	}
	script, err := a.script(f.file, args)
	if err != nil {
		return wrong(err)
	}
	statements := split(script)
	if len(statements) == 0 {
		return wrong(errors.New("there is no statement: want SQL, -f FILE, or SQL on the standard input"))
	}
	if len(statements) > 1 && f.format == output.Parquet {
		return wrong(fmt.Errorf("--format parquet with %d statements: want one statement", len(statements)))
	}
	if len(statements) > 1 && len(values) > 0 {
		return wrong(fmt.Errorf("--arg and --param with %d statements: want one statement", len(statements)))
	}

	ctx, cancel := a.limited(cmd)
	defer cancel()
	client, err := a.open(ctx, cmd)
	if err != nil {
		return cause(ctx, err)
	}
	defer func() { _ = client.Close() }()

	sink, err := a.sinkOf(f.output, toTerminal, f.noPager)
	if err != nil {
		return err
	}
	p := newProgress(a.errOut, f.quiet)
	for i, sql := range statements {
		if i > 0 && (f.format == "table" || f.format == "expanded") {
			_, _ = io.WriteString(sink, "\n")
		}
		w := output.New(f.format, p.before(sink, toTerminal), output.Options{Null: f.null, NoHeader: f.noHeader, Terminal: toTerminal})
		if err = printed(ctx, client, w, p, sql, f, values); err != nil {
			break
		}
	}
	p.end()
	return sink.End(cause(ctx, err))
}

// formatFor is the format of a result if none is wanted.
func formatFor(file string, toTerminal bool) string {
	switch ending := strings.ToLower(strings.TrimPrefix(filepath.Ext(file), ".")); ending {
	case "json", "jsonl", output.Parquet:
		return ending
	case "ndjson":
		return "jsonl"
	}
	if toTerminal {
		return "table"
	}
	return "csv"
}

// printed runs a statement and writes its result.
func printed(ctx context.Context, client *e6.Client, w output.Writer, p *progress, sql string, f queryFlags, values []any) error {
	options := []e6.QueryOption{e6.MaxRows(f.maxRows), e6.Tag(f.tag)}
	if p.shown {
		options = append(options, e6.OnProgress(p.show))
	}
	rows, err := client.Query(e6.WithQueryOptions(ctx, options...), sql, values...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	if err := w.Begin(rows.Fields()); err != nil {
		return err
	}
	for batch, err := range rows.Batches() {
		if err != nil {
			return err
		}
		if err := w.Batch(batch); err != nil {
			return err
		}
	}
	return w.End(rows.Truncated())
}

// timeoutError wraps the error of a call that --timeout has ended.
type timeoutError struct{ err error }

func (e *timeoutError) Error() string   { return errTimeout.Error() }
func (e *timeoutError) Unwrap() []error { return []error{errTimeout, e.err} }

// cause prefers the cause of an ended context to the error that it led to, which is kept
// beside it if --timeout was the cause: it describes what took so long.
func cause(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	if ended := context.Cause(ctx); !errors.Is(ended, errTimeout) {
		return ended
	}
	return &timeoutError{err}
}

// script is the text of the statements.
func (a *app) script(file string, args []string) (string, error) {
	_, terminal := onTerminal(a.in)
	switch {
	case len(args) == 1 && file != "":
		return "", errors.New("both SQL and --file: want one of them")
	case len(args) == 1 && args[0] != "-":
		return args[0], nil
	case file != "" && file != "-":
		text, err := os.ReadFile(file)
		return string(text), err
	case len(args) == 0 && file == "" && terminal:
		return "", errors.New("there is no statement: want SQL, -f FILE, or SQL on the standard input")
	}
	text, err := io.ReadAll(a.in)
	return string(text), err
}

// split returns the statements of a script; its last statement needs no semicolon.
func split(script string) []string {
	statements, rest, blank := sqltext.Statements(script)
	if !blank {
		statements = append(statements, strings.TrimSpace(rest))
	}
	return statements
}
