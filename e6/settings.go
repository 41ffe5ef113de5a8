package e6

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// Setting is a value of a Config that can be given as text: as a parameter of a
// DSN, or in the environment.
type Setting struct {
	// Field is the field of Config.
	Field string
	// DSN is the parameter of a DSN, and empty if the value has another place
	// there or none.
	DSN string
	// Env is the environment variable, and empty if there is none.
	Env string
	// Want says what a right value looks like.
	Want string
	// Secret is set if the value may not be shown.
	Secret bool

	set func(c *Config, value string) bool
}

// name is what FromValues calls the setting.
func (s Setting) name() string {
	if s.DSN != "" {
		return s.DSN
	}
	return strings.ToLower(s.Field) // user, token, catalog, schema: a place in the DSN
}

// Settings lists the settings, in the order of Config.
func Settings() []Setting { return slices.Clone(settings) }

// settings is their one declaration.
var settings = []Setting{
	text("ClusterName", "cluster", "CLUSTER_NAME", func(c *Config) *string { return &c.ClusterName }),
	text("User", "", "USERNAME", func(c *Config) *string { return &c.User }),
	{Field: "Token", Env: variable("PASSWORD"), Want: "text", Secret: true, set: func(c *Config, v string) bool {
		c.Token = v
		return true
	}},
	text("Catalog", "", "CATALOG", func(c *Config) *string { return &c.Catalog }),
	text("Schema", "", "DATABASE", func(c *Config) *string { return &c.Schema }),
	flag("TLS", "tls", "SECURE", func(c *Config, on bool) { c.TLS = on }),
	text("CAFile", "ca", "", func(c *Config) *string { return &c.CAFile }),
	text("ServerName", "server_name", "", func(c *Config) *string { return &c.ServerName }),
	flag("AllowClearText", "allow_clear_text", "ALLOW_CLEAR_TEXT", func(c *Config, on bool) { c.AllowClearText = on }),
	{Field: "Strategy", DSN: "strategy", Want: "blue or green", set: func(c *Config, v string) bool {
		side, err := fsm.ParseSide(v)
		c.Strategy = side
		return err == nil
	}},
	flag("NoAutoResume", "auto_resume", "AUTO_RESUME", func(c *Config, on bool) { c.NoAutoResume = !on }),
	span("ResumeTimeout", "resume_timeout", "AUTO_RESUME_TIMEOUT", time.Second, 1, 86400, func(c *Config) *time.Duration { return &c.ResumeTimeout }),
	span("RefreshInterval", "refresh_interval", "STRATEGY_CACHE_TIMEOUT", time.Second, 60, 1800, func(c *Config) *time.Duration { return &c.RefreshInterval }),
	span("DetectionTimeout", "detection_timeout", "STRATEGY_DETECTION_TIMEOUT", time.Second, 10, 120, func(c *Config) *time.Duration { return &c.DetectionTimeout }),
	span("ProbeTimeout", "probe_timeout", "", time.Second, 0, noLimit, func(c *Config) *time.Duration { return &c.ProbeTimeout }),
	span("ReadyTimeout", "ready_timeout", "", time.Second, 0, noLimit, func(c *Config) *time.Duration { return &c.ReadyTimeout }),
	span("SharedTimeout", "shared_timeout", "", time.Second, 0, noLimit, func(c *Config) *time.Duration { return &c.SharedTimeout }),
	span("DrainTimeout", "drain_timeout", "", time.Second, 0, noLimit, func(c *Config) *time.Duration { return &c.DrainTimeout }),
	span("PrepareTimeout", "prepare_timeout", "PREPARE_TIMEOUT", time.Second, 1, 86400, func(c *Config) *time.Duration { return &c.PrepareTimeout }),
	flag("Admission", "admission", "", func(c *Config, on bool) { c.Admission = on }),
	number("MaxAttempts", "max_attempts", "MAX_RETRY_ATTEMPTS", 1, 10, func(c *Config) *int { return &c.MaxAttempts }),
	span("RetryPause", "retry_pause", "RETRY_BACKOFF_FACTOR", time.Second, 0.1, 2, func(c *Config) *time.Duration { return &c.RetryPause }),
	number("MaxConnections", "max_connections", "", 1, 1000, func(c *Config) *int { return &c.MaxConnections }),
	number("StreamsPerConnection", "streams_per_connection", "", 1, math.MaxInt32, func(c *Config) *int { return &c.StreamsPerConnection }),
	span("KeepaliveTime", "keepalive_time", "KEEPALIVE_TIME_MS", time.Millisecond, 10_000, noLimit, func(c *Config) *time.Duration { return &c.KeepaliveTime }),
	span("KeepaliveTimeout", "keepalive_timeout", "KEEPALIVE_TIMEOUT_MS", time.Millisecond, 1, noLimit, func(c *Config) *time.Duration { return &c.KeepaliveTimeout }),
	number("MaxReceiveBytes", "max_receive_bytes", "MAX_RECEIVE_MSG_LENGTH", 1, math.MaxInt32, func(c *Config) *int { return &c.MaxReceiveBytes }),
	number("MaxSendBytes", "max_send_bytes", "MAX_SEND_MSG_LENGTH", 1, math.MaxInt32, func(c *Config) *int { return &c.MaxSendBytes }),
	number("MaxInFlight", "max_in_flight", "", 0, math.MaxInt32, func(c *Config) *int { return &c.MaxInFlight }),
	level("LogLevel", "log_level", "LOG_LEVEL", func(c *Config) *LogLevel { return &c.LogLevel }),
	level("StrategyLogLevel", "strategy_log_level", "STRATEGY_LOG_LEVEL", func(c *Config) *LogLevel { return &c.StrategyLogLevel }),
	level("GRPCLogLevel", "grpc_log_level", "GRPC_LOG_LEVEL", func(c *Config) *LogLevel { return &c.GRPCLogLevel }),
	{Field: "LogFormat", DSN: "log_format", Env: variable("LOG_FORMAT"), Want: "text or json", set: func(c *Config, v string) bool {
		switch strings.ToLower(v) {
		case "text":
			c.LogFormat = LogText
		case "json":
			c.LogFormat = LogJSON
		default:
			return false
		}
		return true
	}},
	number("Prefetch", "prefetch", "", 1, 1000, func(c *Config) *int { return &c.Prefetch }),
	number("PrefetchBytes", "prefetch_bytes", "", 1, math.MaxInt32, func(c *Config) *int { return &c.PrefetchBytes }),
	flag("FetchAfterMetadata", "fetch_after_metadata", "", func(c *Config, on bool) { c.FetchAfterMetadata = on }),
	flag("TrustRowCount", "trust_row_count", "", func(c *Config, on bool) { c.TrustRowCount = on }),
}

// variable is the whole name of an environment variable.
func variable(name string) string {
	if name == "" {
		return ""
	}
	return EnvPrefix + name
}

func text(field, dsn, env string, at func(*Config) *string) Setting {
	return Setting{Field: field, DSN: dsn, Env: variable(env), Want: "text", set: func(c *Config, v string) bool {
		*at(c) = v
		return true
	}}
}

func flag(field, dsn, env string, set func(*Config, bool)) Setting {
	return Setting{Field: field, DSN: dsn, Env: variable(env), Want: "true or false", set: func(c *Config, v string) bool {
		switch strings.ToLower(v) {
		case "true", "1", "yes", "on":
			set(c, true)
		case "false", "0", "no", "off":
			set(c, false)
		default:
			return false
		}
		return true
	}}
}

func level(field, dsn, env string, at func(*Config) *LogLevel) Setting {
	return Setting{Field: field, DSN: dsn, Env: variable(env), Want: wantLogLevel, set: func(c *Config, v string) bool {
		l, err := ParseLogLevel(v)
		*at(c) = l
		return err == nil
	}}
}

func number(field, dsn, env string, least, most int, at func(*Config) *int) Setting {
	want := fmt.Sprintf("a whole number from %d to %d", least, most)
	return Setting{Field: field, DSN: dsn, Env: variable(env), Want: want, set: func(c *Config, v string) bool {
		n, err := strconv.Atoi(v)
		if err != nil || n < least || n > most {
			return false
		}
		*at(c) = n
		return true
	}}
}

// noLimit is more than any duration that makes sense, in any unit.
const noLimit = math.MaxInt32

// span is a duration: a number of units, or one with a unit of its own such as
// 1m30s. The limits are in units.
func span(field, dsn, env string, unit time.Duration, least, most float64, at func(*Config) *time.Duration) Setting {
	want := "a number of " + map[time.Duration]string{time.Second: "seconds", time.Millisecond: "milliseconds"}[unit]
	switch {
	case most != noLimit:
		want += fmt.Sprintf(" from %g to %g", least, most)
	case least > 1:
		want += fmt.Sprintf(", %g or more", least)
	}
	want += ", or a duration such as 30s"
	return Setting{Field: field, DSN: dsn, Env: variable(env), Want: want, set: func(c *Config, v string) bool {
		d, err := time.ParseDuration(v)
		if n, numberErr := strconv.ParseFloat(v, 64); numberErr == nil {
			d, err = time.Duration(n*float64(unit)), nil
			if math.IsNaN(n) || n > most {
				return false
			}
		}
		if err != nil || d <= 0 || float64(d) < least*float64(unit) || float64(d) > most*float64(unit) {
			return false
		}
		*at(c) = d
		return true
	}}
}
