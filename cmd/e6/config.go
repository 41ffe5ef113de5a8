package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"github.com/e6data/e6data-go/cmd/e6/internal/output"
	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/config"
	"github.com/e6data/e6data-go/e6/profile"
)

func newConfigCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check and show the configuration",
		Long: `Config checks the configuration and shows where its values come from: a profile, the
environment, --dsn, and the flags, of which a later one overrides an earlier one.

Profiles are tables in a TOML file:

    default = "dev"

    [profiles.dev]
    address = "localhost:50052"
    user = "me@example.com"
    token_command = ["pass", "show", "e6/dev"]
    catalog = "demo"
    schema = "sales"

The keys are those that "e6 config show" lists under "profile and --set". A file that
holds a token must have mode 0600.`,
		Args: needsCommand,
		RunE: func(*cobra.Command, []string) error { return nil }, // it always needs a command
	}
	cmd.AddCommand(newConfigCheckCommand(a), newConfigShowCommand(a))
	return cmd
}

func newConfigCheckCommand(a *app) *cobra.Command {
	var connect bool
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Report everything that is wrong with the configuration",
		Long: `Check reports every invalid value of the configuration, at once. It makes no
connection, except with --connect, which also authenticates.`,
		Example: "  e6 config check --profile prod --connect",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := a.config(cmd)
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(a.out, "ok: %s\n", cfg); err != nil || !connect {
				return err
			}
			ctx, cancel := a.limited(cmd)
			defer cancel()
			client, err := e6.Open(ctx, cfg)
			if err != nil {
				return cause(ctx, err)
			}
			_, err = fmt.Fprintf(a.out, "ok: %s accepts the credentials and serves queries\n", client.Strategy().Active)
			return errors.Join(err, client.Close())
		},
	}
	cmd.Flags().BoolVar(&connect, "connect", false, "log in, too")
	return cmd
}

// shownValue is a line of e6 config show.
type shownValue struct {
	Field string `json:"field"`
	Value string `json:"value"`
	From  string `json:"from"`
	Key   string `json:"key,omitempty"`
	Env   string `json:"env,omitempty"`
}

func newConfigShowCommand(a *app) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show",
		Short: "Show every value and where it comes from",
		Long: `Show lists every value of the configuration, where it comes from, and what it is called
in a profile, with --set and in the environment. Secrets are masked. Then it reports
what is wrong, as "e6 config check" does.`,
		Example: "  e6 config show --profile prod",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			values := shown(config.Origins(a.connection.sources(cmd)...))
			if err := a.show(values, asJSON); err != nil {
				return err
			}
			_, err := a.config(cmd)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// shown joins values with what they are called elsewhere.
func shown(origins []config.Origin) []shownValue {
	settings := map[string]config.Setting{"Address": {Env: config.EnvPrefix + "HOST, " + config.EnvPrefix + "PORT"}}
	for _, s := range config.Settings() {
		settings[s.Field] = s
	}
	values := make([]shownValue, len(origins))
	for i, o := range origins {
		s := settings[o.Field]
		key := cmp.Or(s.DSN, strings.ToLower(o.Field))
		values[i] = shownValue{Field: o.Field, Value: o.Value, From: tilde(cmp.Or(o.From, "default")), Key: key, Env: s.Env}
	}
	return values
}

func (a *app) show(values []shownValue, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(a.out)
		e.SetIndent("", "  ")
		return e.Encode(values)
	}
	t := table.NewWriter()
	t.SetStyle(output.Style)
	t.AppendHeader(table.Row{"field", "value", "from", "profile and --set", "environment"})
	for _, v := range values {
		t.AppendRow(table.Row{v.Field, v.Value, v.From, v.Key, v.Env})
	}
	if err := output.Render(a.out, t); err != nil {
		return err
	}
	_, err := fmt.Fprintf(a.out, "\nprofiles: %s\n", a.profiles())
	return err
}

// profiles lists the profiles.
func (a *app) profiles() string {
	path := cmp.Or(a.connection.file, profile.DefaultPath())
	names, byDefault, err := profile.Names(path)
	if err != nil || len(names) == 0 {
		return "none in " + tilde(path)
	}
	for i, name := range names {
		if name == byDefault {
			names[i] += " (default)"
		}
	}
	return strings.Join(names, ", ") + " in " + tilde(path)
}
