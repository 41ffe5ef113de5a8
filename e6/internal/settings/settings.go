// Package settings holds the one table of the settings of e6.Config: field, names in a
// DSN and in the environment, default, minimum and maximum. Package e6 takes the defaults
// and the checks of the fields from it, and package config reads every source by it, so
// that the same limits apply wherever a value was given.
//
// The table stands below e6 and cannot name the type Config. Its functions take a pointer
// to a Config and find the field by name; a row that fits no field panics, which the tests
// of e6 and config would show.
package settings

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/e6data/e6data-go/e6/internal/wire"
)

// EnvPrefix begins the names of the environment variables.
const EnvPrefix = "E6DATA_"

// Description describes a setting. config.Setting has the same fields, and documents them.
type Description struct {
	Field         string
	DSN           string
	Aliases       []string
	Env, EnvAlias string
	Want          string
	Default       string
	Min, Max      string
	Secret        bool
}

// Setting is a row of the table. The functions take a pointer to a Config.
type Setting struct {
	Description

	// Set sets the field from text. It returns false, and changes nothing, if the text
	// is invalid.
	Set func(cfg any, text string) bool
	// Text formats the field as Set parses it. The zero value is the empty string.
	Text func(cfg any) string
	// Fill sets the field to its default if it has its zero value.
	Fill func(cfg any)
	// Check returns the allowed values if the field has another one, and the empty
	// string otherwise.
	Check func(cfg any) string
}

// Name is the name of the setting in a profile and among the flags.
func (d Description) Name() string {
	if d.DSN != "" {
		return d.DSN
	}
	return strings.ToLower(d.Field) // user, token, catalog, schema: a place in the DSN
}

// Named reports whether name is the name of the setting or one of its aliases.
func (d Description) Named(name string) bool {
	name = Plain(name)
	return Plain(d.Name()) == name || slices.ContainsFunc(d.Aliases, func(alias string) bool { return Plain(alias) == name })
}

// Plain returns the form in which names are compared: cluster-name, cluster_name and
// clusterName are equal.
func Plain(name string) string {
	return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(name))
}

// Named returns the setting with that name or alias.
func Named(name string) (Setting, bool) {
	i := slices.IndexFunc(table, func(s Setting) bool { return s.Named(name) })
	if i < 0 {
		return Setting{}, false
	}
	return table[i], true
}

// All returns the settings, in the order of the fields of Config.
func All() []Setting { return slices.Clone(table) }

// Fill sets the fields that have their zero value to their defaults.
func Fill(cfg any) {
	for _, s := range table {
		s.Fill(cfg)
	}
}

const day = 24 * time.Hour

// table is their one declaration: field, parameter of a DSN, environment variable,
// default, minimum and maximum, in the order of Config. A duration below a millisecond
// is a number that lacks its unit.
var table = []Setting{
	name("ClusterName", "cluster", "CLUSTER_NAME").
		also("CLUSTER_UUID", "cluster_name", "cluster_uuid"),
	text("ApplicationName", "application_name", ""),
	text("User", "", "USERNAME").also("", "username", "user_name", "uid"),
	secret(text("Token", "", "PASSWORD")).also("", "password", "pwd"),
	flag("TLS", "tls", "SECURE").also("", "secure", "ssl"),
	text("CAFile", "ca", "").also("", "ca_file", "ssl_cert"),
	text("ServerName", "server_name", ""),
	flag("AllowClearText", "allow_clear_text", "ALLOW_CLEAR_TEXT"),
	text("Catalog", "", "CATALOG").also("", "catalog_name"),
	text("Schema", "", "DATABASE").also("", "database", "db", "db_name", "database_name", "schema_name"),
	side("PreferredSide", "preferred_side", "PREFERRED_SIDE").
		also("STRATEGY", "strategy"),
	negated("NoAutoResume", "auto_resume", "AUTO_RESUME"),
	span("ResumeTimeout", "resume_timeout", "AUTO_RESUME_TIMEOUT", time.Second, 5*time.Minute, time.Millisecond, day).also("", "grpc_auto_resume_timeout_seconds"),
	span("ResumePoll", "resume_poll", "", time.Second, 5*time.Second, time.Millisecond, time.Hour),
	span("DetectionTimeout", "detection_timeout", "STRATEGY_DETECTION_TIMEOUT", time.Second, 30*time.Second, time.Millisecond, time.Hour),
	span("ProbeTimeout", "probe_timeout", "", time.Second, 10*time.Second, time.Millisecond, time.Hour),
	span("ReadyTimeout", "ready_timeout", "", time.Second, 10*time.Minute, time.Millisecond, 30*day),
	span("SharedTimeout", "shared_timeout", "", time.Second, 30*time.Minute, time.Millisecond, 30*day),
	span("DrainTimeout", "drain_timeout", "", time.Second, 15*time.Minute, time.Millisecond, 30*day),
	span("RefreshInterval", "refresh_interval", "STRATEGY_CACHE_TIMEOUT", time.Second, 5*time.Minute, time.Second, day),
	span("PrepareTimeout", "prepare_timeout", "PREPARE_TIMEOUT", time.Second, 10*time.Minute, time.Millisecond, day).also("", "grpc_prepare_timeout"),
	number("MaxInFlight", "max_in_flight", "", 0, 0, math.MaxInt32),
	flag("Admission", "admission", ""),
	number("MaxAttempts", "max_attempts", "MAX_RETRY_ATTEMPTS", 5, 1, 20),
	span("RetryPause", "retry_pause", "RETRY_BACKOFF_FACTOR", time.Second, 200*time.Millisecond, time.Millisecond, time.Minute),
	span("CloseTimeout", "close_timeout", "", time.Second, 5*time.Second, time.Millisecond, time.Hour),
	number("MaxConnections", "max_connections", "MAX_CONNECTIONS", wire.DefaultMaxConnections, 1, 1000),
	number("StreamsPerConnection", "streams_per_connection", "", wire.DefaultStreamsPerConnection, 1, math.MaxInt32),
	// gRPC would raise a smaller KeepaliveTime in silence.
	span("KeepaliveTime", "keepalive_time", "KEEPALIVE_TIME_MS", time.Millisecond, wire.DefaultKeepaliveTime, 10*time.Second, day).also("", "keepalive_time_ms"),
	span("KeepaliveTimeout", "keepalive_timeout", "KEEPALIVE_TIMEOUT_MS", time.Millisecond, wire.DefaultKeepaliveTimeout, time.Millisecond, day).also("", "keepalive_timeout_ms"),
	number("MaxReceiveBytes", "max_receive_bytes", "MAX_RECEIVE_MSG_LENGTH", math.MaxInt32, 1, math.MaxInt32).also("", "max_receive_message_length"),
	number("MaxSendBytes", "max_send_bytes", "MAX_SEND_MSG_LENGTH", 100<<20, 1, math.MaxInt32).also("", "max_send_message_length"),
	span("HookBudget", "hook_budget", "", time.Second, 100*time.Millisecond, time.Millisecond, time.Hour),
	span("GuardBudget", "guard_budget", "", time.Second, 30*time.Second, time.Millisecond, day),
	span("HealthWindow", "health_window", "", time.Second, time.Minute, time.Millisecond, day),
	level("LogLevel", "log_level", "LOG_LEVEL"),
	level("StrategyLogLevel", "strategy_log_level", "STRATEGY_LOG_LEVEL"),
	level("GRPCLogLevel", "grpc_log_level", "GRPC_LOG_LEVEL"),
	choice("LogFormat", "log_format", "LOG_FORMAT", "text", "json"),
	number("Prefetch", "prefetch", "", 2, 1, 1000),
	number("PrefetchBytes", "prefetch_bytes", "", 64<<20, 1, math.MaxInt32),
	flag("FetchAfterMetadata", "fetch_after_metadata", ""),
	number("ContinueWindow", "continue_window", "", 1<<20, 1, math.MaxInt32),
	flag("TrustRowCount", "trust_row_count", ""),
	number("EventHistory", "event_history", "", 256, 1, 1_000_000),
}
