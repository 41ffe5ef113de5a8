package e6

import (
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"
)

// The kinds of settings.

// text is a text that may be anything.
func text(field, dsn, env string, at func(*Config) *string) Setting {
	return Setting{Field: field, DSN: dsn, Env: variable(env), Want: "text",
		set: func(c *Config, v string) bool {
			*at(c) = v
			return true
		},
		text: func(c *Config) string { return *at(c) }, fill: func(*Config) {}, check: fits}
}

// secret is a setting whose value is never shown.
func secret(s Setting) Setting {
	s.Secret = true
	return s
}

// fits is the check of a kind that has no wrong values.
func fits(*Config) string { return "" }

// also gives a setting names that other clients have for it: a variable and
// parameters.
func (s Setting) also(env string, aliases ...string) Setting {
	s.EnvAlias, s.Aliases = variable(env), aliases
	return s
}

// flag is true or false.
func flag(field, dsn, env string, at func(*Config) *bool) Setting {
	return Setting{Field: field, DSN: dsn, Env: variable(env), Want: "true or false",
		set: func(c *Config, v string) bool {
			switch strings.ToLower(strings.TrimSpace(v)) {
			case "true", "1", "yes", "on":
				*at(c) = true
			case "false", "0", "no", "off":
				*at(c) = false
			default:
				return false
			}
			return true
		},
		text: func(c *Config) string {
			if *at(c) {
				return "true"
			}
			return ""
		}, fill: func(*Config) {}, check: fits}
}

// negated is a flag whose text says the opposite of its field.
func negated(s Setting) Setting {
	opposite := map[string]string{"true": "false", "1": "false", "yes": "false", "on": "false", "false": "true", "0": "true", "no": "true", "off": "true"}
	set, text := s.set, s.text
	s.Default = "true"
	s.set = func(c *Config, v string) bool { return set(c, opposite[strings.ToLower(strings.TrimSpace(v))]) }
	s.text = func(c *Config) string { return opposite[text(c)] }
	return s
}

// choice is one of a few names.
func choice[T interface {
	~uint8
	fmt.Stringer
}](field, dsn, env, want string, parse func(string) (T, error), at func(*Config) *T) Setting {
	return Setting{Field: field, DSN: dsn, Env: variable(env), Want: want,
		set: func(c *Config, v string) bool {
			value, err := parse(strings.TrimSpace(v))
			if err == nil {
				*at(c) = value
			}
			return err == nil
		},
		text: func(c *Config) string {
			if *at(c) == 0 {
				return ""
			}
			if _, err := parse((*at(c)).String()); err != nil {
				return strconv.Itoa(int(*at(c)))
			}
			return (*at(c)).String()
		},
		fill: func(*Config) {},
		check: func(c *Config) string {
			if _, err := parse((*at(c)).String()); *at(c) != 0 && err != nil {
				return want
			}
			return ""
		}}
}

// number is a whole number. If its default is not 0, 0 stands for the default.
func number(field, dsn, env string, byDefault, least, most int, at func(*Config) *int) Setting {
	want := fmt.Sprintf("a whole number from %d to %d", least, most)
	return Setting{Field: field, DSN: dsn, Env: variable(env), Want: want,
		Default: strconv.Itoa(byDefault), Min: strconv.Itoa(least), Max: strconv.Itoa(most),
		set: func(c *Config, v string) bool {
			n, err := strconv.Atoi(strings.TrimSpace(v))
			if err != nil || n < least || n > most {
				return false
			}
			*at(c) = n
			return true
		},
		text: func(c *Config) string {
			if *at(c) == 0 {
				return ""
			}
			return strconv.Itoa(*at(c))
		},
		fill: func(c *Config) {
			if *at(c) == 0 {
				*at(c) = byDefault
			}
		},
		check: func(c *Config) string {
			switch n := *at(c); {
			case n == 0 || n >= least && n <= most:
				return ""
			case byDefault == 0:
				return want
			}
			return fmt.Sprintf("%s, or 0 for the default (%d)", want, byDefault)
		}}
}

// span is a duration: a number of units, or one with a unit of its own such as 1m30s.
func span(field, dsn, env string, unit, byDefault, least, most time.Duration, at func(*Config) *time.Duration) Setting {
	units := map[time.Duration]string{time.Second: "seconds", time.Millisecond: "milliseconds"}[unit]
	between := fmt.Sprintf("from %s to %s", short(least), short(most))
	return Setting{Field: field, DSN: dsn, Env: variable(env),
		Want:    "a number of " + units + " or a duration such as 30s, " + between,
		Default: short(byDefault), Min: short(least), Max: short(most),
		set: func(c *Config, v string) bool {
			v = strings.TrimSpace(v)
			d, err := time.ParseDuration(v)
			if n, numberErr := strconv.ParseFloat(v, 64); numberErr == nil {
				if n *= float64(unit); math.IsNaN(n) || n < 0 || n > float64(most) {
					return false
				}
				d, err = time.Duration(math.Round(n)), nil
			}
			if err != nil || d < least || d > most {
				return false
			}
			*at(c) = d
			return true
		},
		text: func(c *Config) string {
			if *at(c) == 0 {
				return ""
			}
			return short(*at(c))
		},
		fill: func(c *Config) {
			if *at(c) == 0 {
				*at(c) = byDefault
			}
		},
		check: func(c *Config) string {
			if d := *at(c); d == 0 || d >= least && d <= most {
				return ""
			}
			return fmt.Sprintf("a duration %s, or 0 for the default (%s)", between, short(byDefault))
		}}
}

// short is a duration without the units that are zero: 24h in place of 24h0m0s.
func short(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// variable is the whole name of an environment variable.
func variable(name string) string {
	if name == "" {
		return ""
	}
	return EnvPrefix + name
}

// parseLogFormat returns the format of that name, in any case.
func parseLogFormat(name string) (LogFormat, error) {
	for _, f := range []LogFormat{LogText, LogJSON} {
		if strings.EqualFold(name, f.String()) {
			return f, nil
		}
	}
	return 0, fmt.Errorf("e6: %q is no log format: want text or json", name)
}

// level is a log level. A nil level is not set.
func level(field, dsn, env string, at func(*Config) *slog.Leveler) Setting {
	return Setting{Field: field, DSN: dsn, Env: variable(env), Want: wantLogLevel,
		set: func(c *Config, v string) bool {
			value, err := parseLogLevel(strings.TrimSpace(v))
			if err == nil {
				*at(c) = value
			}
			return err == nil
		},
		text: func(c *Config) string {
			if l := *at(c); l != nil && !missingLevel(l) {
				return formatLogLevel(l.Level())
			}
			return ""
		},
		fill: func(*Config) {},
		check: func(c *Config) string {
			if missingLevel(*at(c)) {
				return "a level, such as slog.LevelInfo, or a *slog.LevelVar that is not nil"
			}
			return ""
		}}
}
