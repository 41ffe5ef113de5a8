package e6

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// A setting is a value of a Config that can be given as text: as a parameter of
// a DSN, or in the environment. The table is their one declaration.
type setting struct {
	field  string // of Config
	dsn    string // the key in a DSN, empty if it has another place there
	env    string // the variable without its prefix, empty if there is none
	want   string // what a right value looks like
	set    func(c *Config, value string) bool
	secret bool // the value may not be shown
}

// settings lists every setting.
func settings() []setting {
	return []setting{
		text("ClusterName", "cluster", "CLUSTER_NAME", func(c *Config) *string { return &c.ClusterName }),
		text("User", "", "USERNAME", func(c *Config) *string { return &c.User }),
		{field: "Token", env: "PASSWORD", want: "text", secret: true, set: func(c *Config, v string) bool {
			c.Token = v
			return true
		}},
		text("Catalog", "", "CATALOG", func(c *Config) *string { return &c.Catalog }),
		text("Schema", "", "DATABASE", func(c *Config) *string { return &c.Schema }),
		flag("TLS", "tls", "SECURE", func(c *Config, on bool) { c.TLS = on }),
		text("CAFile", "ca", "", func(c *Config) *string { return &c.CAFile }),
		text("ServerName", "server_name", "", func(c *Config) *string { return &c.ServerName }),
		{field: "Strategy", dsn: "strategy", want: "blue or green", set: func(c *Config, v string) bool {
			side, err := fsm.ParseSide(v)
			c.Strategy = side
			return err == nil
		}},
		flag("NoAutoResume", "auto_resume", "AUTO_RESUME", func(c *Config, on bool) { c.NoAutoResume = !on }),
		span("ResumeTimeout", "resume_timeout", "AUTO_RESUME_TIMEOUT", time.Second, 1, 86400, func(c *Config) *time.Duration { return &c.ResumeTimeout }),
		span("RefreshInterval", "refresh_interval", "STRATEGY_CACHE_TIMEOUT", time.Second, 60, 1800, func(c *Config) *time.Duration { return &c.RefreshInterval }),
		span("DetectionTimeout", "detection_timeout", "STRATEGY_DETECTION_TIMEOUT", time.Second, 10, 120, func(c *Config) *time.Duration { return &c.DetectionTimeout }),
		span("ProbeTimeout", "probe_timeout", "", time.Second, 0, math.MaxInt32, func(c *Config) *time.Duration { return &c.ProbeTimeout }),
		span("ReadyTimeout", "ready_timeout", "", time.Second, 0, math.MaxInt32, func(c *Config) *time.Duration { return &c.ReadyTimeout }),
		span("SharedTimeout", "shared_timeout", "", time.Second, 0, math.MaxInt32, func(c *Config) *time.Duration { return &c.SharedTimeout }),
		span("DrainTimeout", "drain_timeout", "", time.Second, 0, math.MaxInt32, func(c *Config) *time.Duration { return &c.DrainTimeout }),
		span("PrepareTimeout", "prepare_timeout", "PREPARE_TIMEOUT", time.Second, 1, 86400, func(c *Config) *time.Duration { return &c.PrepareTimeout }),
		number("MaxAttempts", "max_attempts", "MAX_RETRY_ATTEMPTS", 1, 10, func(c *Config) *int { return &c.MaxAttempts }),
		span("RetryPause", "retry_pause", "RETRY_BACKOFF_FACTOR", time.Second, 0.1, 2, func(c *Config) *time.Duration { return &c.RetryPause }),
		span("KeepaliveTime", "keepalive_time", "KEEPALIVE_TIME_MS", time.Millisecond, 10_000, math.MaxInt32, func(c *Config) *time.Duration { return &c.KeepaliveTime }),
		span("KeepaliveTimeout", "keepalive_timeout", "KEEPALIVE_TIMEOUT_MS", time.Millisecond, 1, math.MaxInt32, func(c *Config) *time.Duration { return &c.KeepaliveTimeout }),
		number("MaxReceiveBytes", "max_receive_bytes", "MAX_RECEIVE_MSG_LENGTH", 1, math.MaxInt32, func(c *Config) *int { return &c.MaxReceiveBytes }),
		number("MaxSendBytes", "max_send_bytes", "MAX_SEND_MSG_LENGTH", 1, math.MaxInt32, func(c *Config) *int { return &c.MaxSendBytes }),
		number("MaxInFlight", "max_in_flight", "", 0, math.MaxInt32, func(c *Config) *int { return &c.MaxInFlight }),
		number("Prefetch", "prefetch", "", 1, 1000, func(c *Config) *int { return &c.Prefetch }),
	}
}

func text(field, dsn, env string, at func(*Config) *string) setting {
	return setting{field: field, dsn: dsn, env: env, want: "text", set: func(c *Config, v string) bool {
		*at(c) = v
		return true
	}}
}

func flag(field, dsn, env string, set func(*Config, bool)) setting {
	return setting{field: field, dsn: dsn, env: env, want: "true or false", set: func(c *Config, v string) bool {
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

func number(field, dsn, env string, least, most int, at func(*Config) *int) setting {
	want := fmt.Sprintf("a whole number from %d to %d", least, most)
	return setting{field: field, dsn: dsn, env: env, want: want, set: func(c *Config, v string) bool {
		n, err := strconv.Atoi(v)
		if err != nil || n < least || n > most {
			return false
		}
		*at(c) = n
		return true
	}}
}

// span is a duration: a number of units, or one with a unit of its own such as
// 1m30s. The limits are in units.
func span(field, dsn, env string, unit time.Duration, least, most float64, at func(*Config) *time.Duration) setting {
	name := map[time.Duration]string{time.Second: "seconds", time.Millisecond: "milliseconds"}[unit]
	want := fmt.Sprintf("a number of %s from %g to %g, or a duration such as 30s", name, least, most)
	return setting{field: field, dsn: dsn, env: env, want: want, set: func(c *Config, v string) bool {
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
