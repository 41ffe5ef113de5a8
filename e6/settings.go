package e6

import (
	"log/slog"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/address"
	"github.com/e6data/e6data-go/e6/internal/wire"
)

// Setting is a value of a Config that can be given as text: as a parameter of a
// DSN, in the environment, in a profile, or as a flag. The same limits hold for
// all of them, and for the field itself.
type Setting struct {
	// Field is the field of Config.
	Field string
	// DSN is the parameter of a DSN, and empty if the value has another place
	// there.
	DSN string
	// Aliases are other names that the parameter has, as other clients of the
	// engine call it. Case, hyphens and underscores do not count in any of them.
	Aliases []string
	// Env is the environment variable, and empty if there is none. EnvAlias is one
	// that is read if Env is not set.
	Env, EnvAlias string
	// Want says what a right value looks like as text.
	Want string
	// Default is the value of a field that is not set, as text. It is empty if that
	// is the zero value of its type.
	Default string
	// Min and Max are the smallest and the largest value as text, and empty if the
	// setting has no such limits.
	Min, Max string
	// Secret is set if the value may not be shown.
	Secret bool

	set   func(c *Config, value string) bool // from text
	text  func(c *Config) string             // as set reads it, and empty for the zero value
	fill  func(c *Config)                    // with the default, unless it is set
	check func(c *Config) string             // what would be right for the field, if it is wrong
}

// name is what FromValues calls the setting.
func (s Setting) name() string {
	if s.DSN != "" {
		return s.DSN
	}
	return strings.ToLower(s.Field) // user, token, catalog, schema: a place in the DSN
}

// Named reports whether a name is one of the setting's in a DSN or a profile: its own or
// an alias, in any case, with or without hyphens and underscores.
func (s Setting) Named(name string) bool {
	name = plainName(name)
	return plainName(s.name()) == name || slices.ContainsFunc(s.Aliases, func(alias string) bool { return plainName(alias) == name })
}

// Settings lists the settings, in the order of Config.
func Settings() []Setting { return slices.Clone(settings) }

const day = 24 * time.Hour

// settings is their one declaration: field, parameter of a DSN, environment variable,
// default, minimum and maximum, in the order of Config. A duration below a millisecond
// is a number that lacks its unit.
var settings = []Setting{
	text("ClusterName", "cluster", "CLUSTER_NAME", func(c *Config) *string { return &c.ClusterName }).
		also("CLUSTER_UUID", "cluster_name", "cluster_uuid"),
	text("ApplicationName", "application_name", "", func(c *Config) *string { return &c.ApplicationName }),
	text("User", "", "USERNAME", func(c *Config) *string { return &c.User }).also("", "username", "user_name", "uid"),
	secret(text("Token", "", "PASSWORD", func(c *Config) *string { return &c.Token })).also("", "password", "pwd"),
	flag("TLS", "tls", "SECURE", func(c *Config) *bool { return &c.TLS }).also("", "secure", "ssl"),
	text("CAFile", "ca", "", func(c *Config) *string { return &c.CAFile }).also("", "ca_file", "ssl_cert"),
	text("ServerName", "server_name", "", func(c *Config) *string { return &c.ServerName }),
	flag("AllowClearText", "allow_clear_text", "ALLOW_CLEAR_TEXT", func(c *Config) *bool { return &c.AllowClearText }),
	text("Catalog", "", "CATALOG", func(c *Config) *string { return &c.Catalog }).also("", "catalog_name"),
	text("Schema", "", "DATABASE", func(c *Config) *string { return &c.Schema }).also("", "database", "db", "db_name", "database_name", "schema_name"),
	choice("PreferredSide", "preferred_side", "PREFERRED_SIDE", "blue or green", fsm.ParseSide, func(c *Config) *Side { return &c.PreferredSide }).
		also("STRATEGY", "strategy"),
	negated(flag("NoAutoResume", "auto_resume", "AUTO_RESUME", func(c *Config) *bool { return &c.NoAutoResume })),
	span("ResumeTimeout", "resume_timeout", "AUTO_RESUME_TIMEOUT", time.Second, 5*time.Minute, time.Millisecond, day,
		func(c *Config) *time.Duration { return &c.ResumeTimeout }).also("", "grpc_auto_resume_timeout_seconds"),
	span("ResumePoll", "resume_poll", "", time.Second, 5*time.Second, time.Millisecond, time.Hour,
		func(c *Config) *time.Duration { return &c.ResumePoll }),
	span("DetectionTimeout", "detection_timeout", "STRATEGY_DETECTION_TIMEOUT", time.Second, 30*time.Second, time.Millisecond, time.Hour,
		func(c *Config) *time.Duration { return &c.DetectionTimeout }),
	span("ProbeTimeout", "probe_timeout", "", time.Second, 10*time.Second, time.Millisecond, time.Hour,
		func(c *Config) *time.Duration { return &c.ProbeTimeout }),
	span("ReadyTimeout", "ready_timeout", "", time.Second, 10*time.Minute, time.Millisecond, 30*day,
		func(c *Config) *time.Duration { return &c.ReadyTimeout }),
	span("SharedTimeout", "shared_timeout", "", time.Second, 30*time.Minute, time.Millisecond, 30*day,
		func(c *Config) *time.Duration { return &c.SharedTimeout }),
	span("DrainTimeout", "drain_timeout", "", time.Second, 15*time.Minute, time.Millisecond, 30*day,
		func(c *Config) *time.Duration { return &c.DrainTimeout }),
	span("RefreshInterval", "refresh_interval", "STRATEGY_CACHE_TIMEOUT", time.Second, 5*time.Minute, time.Second, day,
		func(c *Config) *time.Duration { return &c.RefreshInterval }),
	span("PrepareTimeout", "prepare_timeout", "PREPARE_TIMEOUT", time.Second, 10*time.Minute, time.Millisecond, day,
		func(c *Config) *time.Duration { return &c.PrepareTimeout }).also("", "grpc_prepare_timeout"),
	number("MaxInFlight", "max_in_flight", "", 0, 0, math.MaxInt32, func(c *Config) *int { return &c.MaxInFlight }),
	flag("Admission", "admission", "", func(c *Config) *bool { return &c.Admission }),
	number("MaxAttempts", "max_attempts", "MAX_RETRY_ATTEMPTS", 5, 1, 20, func(c *Config) *int { return &c.MaxAttempts }),
	span("RetryPause", "retry_pause", "RETRY_BACKOFF_FACTOR", time.Second, 200*time.Millisecond, time.Millisecond, time.Minute,
		func(c *Config) *time.Duration { return &c.RetryPause }),
	span("CloseTimeout", "close_timeout", "", time.Second, 5*time.Second, time.Millisecond, time.Hour,
		func(c *Config) *time.Duration { return &c.CloseTimeout }),
	number("MaxConnections", "max_connections", "MAX_CONNECTIONS", wire.DefaultMaxConnections, 1, 1000, func(c *Config) *int { return &c.MaxConnections }),
	number("StreamsPerConnection", "streams_per_connection", "", wire.DefaultStreamsPerConnection, 1, math.MaxInt32,
		func(c *Config) *int { return &c.StreamsPerConnection }),
	// gRPC would raise a smaller KeepaliveTime in silence.
	span("KeepaliveTime", "keepalive_time", "KEEPALIVE_TIME_MS", time.Millisecond, wire.DefaultKeepaliveTime, 10*time.Second, day,
		func(c *Config) *time.Duration { return &c.KeepaliveTime }).also("", "keepalive_time_ms"),
	span("KeepaliveTimeout", "keepalive_timeout", "KEEPALIVE_TIMEOUT_MS", time.Millisecond, wire.DefaultKeepaliveTimeout, time.Millisecond, day,
		func(c *Config) *time.Duration { return &c.KeepaliveTimeout }).also("", "keepalive_timeout_ms"),
	number("MaxReceiveBytes", "max_receive_bytes", "MAX_RECEIVE_MSG_LENGTH", math.MaxInt32, 1, math.MaxInt32,
		func(c *Config) *int { return &c.MaxReceiveBytes }).also("", "max_receive_message_length"),
	number("MaxSendBytes", "max_send_bytes", "MAX_SEND_MSG_LENGTH", maxRequestBytes, 1, math.MaxInt32,
		func(c *Config) *int { return &c.MaxSendBytes }).also("", "max_send_message_length"),
	span("HookBudget", "hook_budget", "", time.Second, 100*time.Millisecond, time.Millisecond, time.Hour,
		func(c *Config) *time.Duration { return &c.HookBudget }),
	span("GuardBudget", "guard_budget", "", time.Second, 30*time.Second, time.Millisecond, day,
		func(c *Config) *time.Duration { return &c.GuardBudget }),
	span("HealthWindow", "health_window", "", time.Second, time.Minute, time.Millisecond, day,
		func(c *Config) *time.Duration { return &c.HealthWindow }),
	level("LogLevel", "log_level", "LOG_LEVEL", func(c *Config) *slog.Leveler { return &c.LogLevel }),
	level("StrategyLogLevel", "strategy_log_level", "STRATEGY_LOG_LEVEL", func(c *Config) *slog.Leveler { return &c.StrategyLogLevel }),
	level("GRPCLogLevel", "grpc_log_level", "GRPC_LOG_LEVEL", func(c *Config) *slog.Leveler { return &c.GRPCLogLevel }),
	choice("LogFormat", "log_format", "LOG_FORMAT", "text or json", parseLogFormat, func(c *Config) *LogFormat { return &c.LogFormat }),
	number("Prefetch", "prefetch", "", 2, 1, 1000, func(c *Config) *int { return &c.Prefetch }),
	number("PrefetchBytes", "prefetch_bytes", "", 64<<20, 1, math.MaxInt32, func(c *Config) *int { return &c.PrefetchBytes }),
	flag("FetchAfterMetadata", "fetch_after_metadata", "", func(c *Config) *bool { return &c.FetchAfterMetadata }),
	number("ContinueWindow", "continue_window", "", 1<<20, 1, math.MaxInt32, func(c *Config) *int { return &c.ContinueWindow }),
	flag("TrustRowCount", "trust_row_count", "", func(c *Config) *bool { return &c.TrustRowCount }),
	number("EventHistory", "event_history", "", 256, 1, 1_000_000, func(c *Config) *int { return &c.EventHistory }),
}

// withDefaults fills in what was left out.
func (c Config) withDefaults() Config {
	for _, s := range settings {
		s.fill(&c)
	}
	c.ClusterName = c.sentName()
	if a, err := address.Parse(c.Address); err == nil {
		c.Address = a.String() // one name for it in a store, whatever stands around it
	}
	return c.withCredentials()
}

// limits lists the fields whose values are none of a setting. The zero value of a
// field is its default.
func (c Config) limits() (problems []Problem) {
	for _, s := range settings {
		if want := s.check(&c); want != "" {
			problems = append(problems, Problem{Field: s.Field, Value: s.text(&c), Want: want})
		}
	}
	return problems
}
