package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/e6data/e6data-go/cmd/e6/internal/stores"
	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/auth"
	"github.com/e6data/e6data-go/e6/config"
	"github.com/e6data/e6data-go/e6/profile"
	"github.com/e6data/e6data-go/e6/store"
)

// connection holds the flags that choose the cluster.
type connection struct {
	file, profile, dsn string
	tokenFile          string
	store              string
	set                []string
	timeout            time.Duration
}

// named are the flags that are values of a Config, by the names that config.FromValues
// has for them.
var named = []struct{ flag, value, usage string }{
	{"address", "address", "`HOST:PORT` of the cluster"},
	{"user", "user", "e-mail address of the `USER`"},
	{"catalog", "catalog", "`CATALOG` that names are resolved against"},
	{"schema", "schema", "`SCHEMA` that names are resolved against"},
	{"cluster", "cluster", "`NAME` of the cluster, where several share an address"},
	{"ca", "ca", "`FILE` of certificates (PEM) to trust instead of the system's"},
	{"server-name", "server_name", "host `NAME` that the server's certificate must carry"},
}

func (c *connection) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&c.profile, "profile", "", "`NAME` of the profile; E6DATA_PROFILE, or the file's default")
	flags.StringVar(&c.file, "profiles", "", "`FILE` of profiles; E6DATA_CONFIG, or "+tilde(profile.DefaultPath()))
	flags.StringVar(&c.dsn, "dsn", "", "data source `NAME`, e6://user@host:port/catalog/schema?cluster=name")
	for _, n := range named {
		flags.String(n.flag, "", n.usage)
	}
	flags.Bool("tls", false, "encrypt the connection")
	flags.StringVar(&c.tokenFile, "token-file", "", "`FILE` that holds the user's token; it is read again for every login")
	flags.StringVar(&c.store, "store", os.Getenv(stores.Env), "`URL` of the store that the cluster's clients share; "+stores.Env)
	flags.StringArrayVar(&c.set, "set", nil, "`NAME=VALUE` of any other setting, such as detection_timeout=20s; may be repeated")
	flags.DurationVar(&c.timeout, "timeout", 0, "`TIME` that the command may take, such as 30s or 5m; 0 for no limit")
}

// tilde shortens a path in the home directory, so that a help text is the same for
// everybody.
func tilde(path string) string {
	if home, err := os.UserHomeDir(); err == nil {
		if rest, ok := strings.CutPrefix(path, home+string(os.PathSeparator)); ok {
			return "~" + string(os.PathSeparator) + rest
		}
	}
	return path
}

// impatient are the defaults for interactive use.
var impatient = map[string]string{"detection_timeout": "10s"}

// sources are the sources of the configuration, in the order of precedence.
func (c *connection) sources(cmd *cobra.Command) []config.Source {
	values := map[string]string{}
	for _, n := range named {
		if cmd.Flags().Changed(n.flag) {
			values[n.value] = cmd.Flag(n.flag).Value.String()
		}
	}
	if cmd.Flags().Changed("tls") {
		values["tls"] = cmd.Flag("tls").Value.String()
	}
	sources := []config.Source{config.FromValues("e6", impatient), profile.File(c.file, c.profile), config.FromEnv(), config.FromDSN(c.dsn), config.FromValues("flag", values)}
	if c.tokenFile != "" {
		sources = append(sources, config.FromToken(auth.File(c.tokenFile)))
	}
	return append(sources, c.settings())
}

// settings are those of --set.
func (c *connection) settings() config.Source {
	values := map[string]string{}
	var wrong []e6.Problem
	for _, text := range c.set {
		name, value, found := strings.Cut(text, "=")
		switch {
		case !found:
			wrong = append(wrong, e6.Problem{Field: "--set", Value: fmt.Sprintf("%q", text), Want: "NAME=VALUE"})
		case isSecret(name):
			wrong = append(wrong, e6.Problem{Field: "--set token", Value: "***",
				Want: "nothing, as others can see a command line: use --token-file, E6DATA_PASSWORD or a profile"})
		default:
			values[name] = value
		}
	}
	return config.Join(config.FromValues("--set", values), config.FromProblems(wrong...))
}

// isSecret reports whether a setting of that name is secret.
func isSecret(name string) bool {
	return slices.ContainsFunc(config.Settings(), func(s config.Setting) bool { return s.Secret && s.Named(name) })
}

// config returns the configuration of a command's flags.
func (a *app) config(cmd *cobra.Command) (e6.Config, error) {
	cfg, err := config.Load(a.connection.sources(cmd)...)
	if err != nil {
		return cfg, err
	}
	return cfg, cfg.Validate()
}

// promptedConfig is config with a prompt for the token if nothing else is missing.
func (a *app) promptedConfig(cmd *cobra.Command) (e6.Config, error) {
	cfg, err := a.config(cmd)
	if wrong, ok := errors.AsType[*e6.ConfigError](err); !ok || !a.interactive() || !onlyToken(wrong) {
		return cfg, err
	}
	cfg, err = config.Load(a.connection.sources(cmd)...)
	if err != nil {
		return cfg, err
	}
	cfg.Token, err = a.promptToken(cfg.User)
	if err != nil {
		return cfg, err
	}
	return cfg, cfg.Validate()
}

// onlyToken reports whether the token is all that is missing.
func onlyToken(err *e6.ConfigError) bool {
	return !slices.ContainsFunc(err.Problems, func(p e6.Problem) bool { return p.Field != "Token" })
}

// promptToken prompts for the token of a user, without echo. The terminal is in raw mode
// before the prompt appears, so that a token that is pasted at once has no echo either. In
// this mode Ctrl-C is a key and no signal.
func (a *app) promptToken(user string) (string, error) {
	fd, _ := onTerminal(a.in)
	before, err := term.MakeRaw(fd)
	if err != nil {
		return "", fmt.Errorf("turn off the echo of the terminal: %w", err)
	}
	terminal := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{a.in, a.errOut}, "")
	token, err := terminal.ReadPassword(fmt.Sprintf("Token of %s: ", user))
	if errors.Is(err, io.EOF) { // Ctrl-C or Ctrl-D
		_, _ = fmt.Fprint(a.errOut, "\r\n")
		err = errInterrupted
	}
	return strings.TrimSpace(token), errors.Join(err, term.Restore(fd, before))
}

// open opens a client with the configuration of the flags.
func (a *app) open(ctx context.Context, cmd *cobra.Command, opts ...e6.Option) (*e6.Client, error) {
	cfg, err := a.promptedConfig(cmd)
	if err != nil {
		return nil, err
	}
	shared, err := a.openStore()
	if err != nil {
		return nil, err
	}
	if shared != nil {
		opts = append(opts, e6.WithStore(shared), e6.WithFleet(e6.FleetPolicy{}))
	}
	return e6.Open(ctx, cfg, opts...)
}

// openStore opens the store that --store names, if it names one. It is closed when the
// command has ended.
func (a *app) openStore() (store.Store, error) {
	if a.connection.store == "" {
		return nil, nil
	}
	shared, closed, err := stores.Open(a.connection.store)
	if err == nil {
		a.atEnd = append(a.atEnd, closed)
	}
	return shared, err
}

// limited returns the context of a command: that of the process, which a signal
// ends, within --timeout.
func (a *app) limited(cmd *cobra.Command) (context.Context, context.CancelFunc) {
	if a.connection.timeout <= 0 {
		return context.WithCancel(cmd.Context())
	}
	return context.WithTimeoutCause(cmd.Context(), a.connection.timeout, errTimeout)
}
