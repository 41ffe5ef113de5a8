package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"

	"github.com/e6data/e6data-go/cmd/e6/internal/output"
	"github.com/e6data/e6data-go/internal/visible"
)

// shellCommand is what a backslash begins in a shell.
type shellCommand struct {
	name, args, help string
	run              func(ctx context.Context, s *shell, arg string) error
}

// commands lists them, in the order of their help.
func commands() []shellCommand {
	return []shellCommand{
		{"?", "", "list the commands", func(_ context.Context, s *shell, _ string) error { return s.help() }},
		{"q", "", "end the shell", func(context.Context, *shell, string) error { return errQuit }},
		{"l", "", "list the catalogs", func(ctx context.Context, s *shell, _ string) error { return s.listCatalogs(ctx) }},
		{"dn", "[catalog]", "list the schemas", (func(ctx context.Context, s *shell, arg string) error { return s.listSchemas(ctx, arg) })},
		{"dt", "[[catalog.]schema]", "list the tables", func(ctx context.Context, s *shell, arg string) error { return s.listTables(ctx, arg) }},
		{"d", "[[[catalog.]schema.]table]", "describe a table, or list the tables", func(ctx context.Context, s *shell, arg string) error {
			if arg == "" {
				return s.listTables(ctx, "")
			}
			return s.describeTable(ctx, arg)
		}},
		{"c", "catalog.schema", "resolve names against another catalog and schema", func(_ context.Context, s *shell, arg string) error { return s.change(arg) }},
		{"i", "file", "run the statements of a file", func(ctx context.Context, s *shell, arg string) error { return s.include(ctx, arg) }},
		{"o", "[file]", "write results to a file, or to the terminal again", func(_ context.Context, s *shell, arg string) error { return s.redirect(arg) }},
		{"f", "format", "print results as " + strings.Join(output.Texts(), ", "), func(_ context.Context, s *shell, arg string) error { return s.setFormat(arg) }},
		{"x", "", "turn one line for each value on or off", func(_ context.Context, s *shell, _ string) error {
			return s.setFormat(map[bool]string{true: "table", false: "expanded"}[s.format == "expanded"])
		}},
		{"timing", "", "turn the time of each statement on or off", func(_ context.Context, s *shell, _ string) error {
			s.timing = !s.timing
			_, err := fmt.Fprintf(s.out, "timing is %s\n", map[bool]string{true: "on", false: "off"}[s.timing])
			return err
		}},
		{"side", "", "show the active side, and since when", func(_ context.Context, s *shell, _ string) error { return s.showSide() }},
		{"events", "", "list the last events of the client", func(_ context.Context, s *shell, _ string) error { return s.showEvents() }},
	}
}

// command runs a line that begins with a backslash.
func (s *shell) command(ctx context.Context, line string) error {
	name, arg, _ := strings.Cut(strings.TrimPrefix(line, `\`), " ")
	arg = strings.TrimSpace(strings.TrimRight(strings.TrimSpace(arg), ";"))
	name = strings.TrimRight(name, ";")
	for _, c := range commands() {
		if c.name != name {
			continue
		}
		if c.args == "" && arg != "" {
			return fmt.Errorf(`\%s takes no argument, not %q`, name, arg)
		}
		if c.args != "" && c.args[0] != '[' && arg == "" {
			return fmt.Errorf(`\%s needs its argument: \%s %s`, name, name, c.args)
		}
		return c.run(ctx, s, arg)
	}
	return fmt.Errorf(`unknown command \%s: \? lists the commands`, name)
}

func (s *shell) help() error {
	rows := make([]table.Row, 0, len(commands()))
	for _, c := range commands() {
		rows = append(rows, table.Row{strings.TrimSpace(`\` + c.name + " " + c.args), c.help})
	}
	return s.list(table.Row{"command", "what it does"}, rows)
}

// list prints rows as a table.
func (s *shell) list(header table.Row, rows []table.Row) error {
	return s.shown(func(sink io.Writer, _ *progress, _ bool) error {
		t := table.NewWriter()
		t.SetStyle(output.Style)
		t.AppendHeader(header)
		for _, row := range rows {
			for i, cell := range row {
				if text, ok := cell.(string); ok { // which may be a server's
					row[i] = visible.Line(text)
				}
			}
		}
		t.AppendRows(rows)
		return output.Render(sink, t)
	})
}

// names prints a list of names.
func (s *shell) names(header string, names []string) error {
	rows := make([]table.Row, len(names))
	for i, name := range names {
		rows[i] = table.Row{name}
	}
	return s.list(table.Row{header}, rows)
}

func (s *shell) listCatalogs(ctx context.Context) error {
	catalogs, err := s.client.Catalogs(ctx)
	if err != nil {
		return err
	}
	var rows []table.Row
	for _, c := range catalogs {
		rows = append(rows, table.Row{c.Name, map[bool]string{true: "yes"}[c.Default]})
	}
	return s.list(table.Row{"catalog", "default"}, rows)
}

func (s *shell) listSchemas(ctx context.Context, catalog string) error {
	schemas, err := s.client.Schemas(ctx, cmp.Or(catalog, s.catalog))
	if err != nil {
		return err
	}
	return s.names("schema", schemas)
}

func (s *shell) listTables(ctx context.Context, place string) error {
	catalog, schema, err := s.place(place)
	if err != nil {
		return err
	}
	tables, err := s.client.Tables(ctx, catalog, schema)
	if err != nil {
		return err
	}
	return s.names("table", tables)
}

// place is the catalog and the schema that [catalog.]schema means.
func (s *shell) place(text string) (catalog, schema string, err error) {
	switch parts := strings.Split(text, "."); {
	case text == "":
		return s.catalog, s.schema, nil
	case len(parts) == 1:
		return s.catalog, parts[0], nil
	case len(parts) == 2:
		return parts[0], parts[1], nil
	}
	return "", "", fmt.Errorf("%q: want schema or catalog.schema", text)
}

func (s *shell) describeTable(ctx context.Context, name string) error {
	place := ""
	if dot := strings.LastIndex(name, "."); dot >= 0 {
		place, name = name[:dot], name[dot+1:]
	}
	catalog, schema, err := s.place(place)
	if err != nil {
		return err
	}
	columns, err := s.client.Columns(ctx, catalog, schema, name)
	if err != nil {
		return err
	}
	if len(columns) == 0 {
		return fmt.Errorf("there is no table %s in %s", name, strings.Trim(catalog+"."+schema, "."))
	}
	var rows []table.Row
	for _, c := range columns {
		rows = append(rows, table.Row{c.Name, c.Type})
	}
	return s.list(table.Row{"column", "type"}, rows)
}

func (s *shell) change(place string) error {
	catalog, schema, found := strings.Cut(place, ".")
	if !found || catalog == "" || schema == "" {
		return fmt.Errorf(`\c %s: want catalog.schema`, place)
	}
	s.catalog, s.schema = catalog, schema
	return nil
}

func (s *shell) include(ctx context.Context, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	return s.read(ctx, f)
}

func (s *shell) redirect(path string) error {
	var file *os.File
	if path != "" {
		var err error
		if file, err = os.Create(path); err != nil {
			return err
		}
	}
	var err error
	if s.file != nil {
		err = s.file.Close()
	}
	s.file = file
	return err
}

func (s *shell) setFormat(format string) error {
	if err := output.Check(format, output.Texts()); err != nil {
		return err
	}
	s.format = format
	_, err := fmt.Fprintf(s.out, "results are printed as %s\n", format)
	return err
}

func (s *shell) showSide() error {
	h := s.client.Health()
	rows := []table.Row{}
	for _, side := range h.Sides {
		rows = append(rows, table.Row{side.Side, side.InFlight, side.Total, fmt.Sprintf("%.0f %%", 100*side.ErrorRate()), side.P50.Round(time.Microsecond)})
	}
	_, _ = fmt.Fprintf(s.out, "state %s, active %s, since %s, epoch %d\n",
		h.Strategy.State, h.Strategy.Active, h.Strategy.Since.Format(time.DateTime), h.Strategy.Epoch)
	return s.list(table.Row{"side", "running", "ended", "failed", "median"}, rows)
}

// shownEvents is how many events \events lists.
const shownEvents = 50

func (s *shell) showEvents() error {
	history := s.client.History()
	history = history[max(0, len(history)-shownEvents):]
	rows := make([]table.Row, len(history))
	for i, e := range history {
		rows[i] = table.Row{e.Time.Format(time.TimeOnly), e.Kind(), e.String()}
	}
	return s.list(table.Row{"time", "event", "what happened"}, rows)
}
