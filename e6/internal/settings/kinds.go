package settings

import (
	"fmt"
	"log/slog"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/e6data/e6data-go/e6/fsm"
)

// The kinds of settings. Each function returns a row of the table.

// at returns the field of a Config. cfg is a pointer to the Config.
func at[T any](cfg any, field string) *T {
	return reflect.ValueOf(cfg).Elem().FieldByName(field).Addr().Interface().(*T)
}

func describe(field, dsn, env, want string) Description {
	return Description{Field: field, DSN: dsn, Env: variable(env), Want: want}
}

// text is a text without limits.
func text(field, dsn, env string) Setting {
	return Setting{
		Description: describe(field, dsn, env, "text"),
		Set: func(cfg any, v string) bool {
			*at[string](cfg, field) = v
			return true
		},
		Text: func(cfg any) string { return *at[string](cfg, field) },
		Fill: nothing, Check: unlimited,
	}
}

// name is a text that Fill changes to the form in which it is sent.
func name(field, dsn, env string) Setting {
	s := text(field, dsn, env)
	s.Fill = func(cfg any) { *at[string](cfg, field) = SentName(*at[string](cfg, field)) }
	return s
}

// SentName returns the form in which the name of a cluster is sent.
func SentName(cluster string) string { return strings.ToLower(strings.TrimSpace(cluster)) }

// secret is a setting whose value is never shown.
func secret(s Setting) Setting {
	s.Secret = true
	return s
}

// nothing is the Fill of a kind whose default is its zero value.
func nothing(any) {}

// unlimited is the Check of a kind that allows every value.
func unlimited(any) string { return "" }

// also adds the names that other clients have for the setting: a variable and
// parameters.
func (s Setting) also(env string, aliases ...string) Setting {
	s.EnvAlias, s.Aliases = variable(env), aliases
	return s
}

// booleans are the texts of true and false.
var booleans = map[string]bool{
	"true": true, "1": true, "yes": true, "on": true,
	"false": false, "0": false, "no": false, "off": false,
}

// flag is true or false.
func flag(field, dsn, env string) Setting { return boolean(field, dsn, env, true) }

// negated is a flag whose text is the opposite of its field.
func negated(field, dsn, env string) Setting {
	s := boolean(field, dsn, env, false)
	s.Default = "true"
	return s
}

// boolean is a flag whose field is true for the text of set.
func boolean(field, dsn, env string, set bool) Setting {
	return Setting{
		Description: describe(field, dsn, env, "true or false"),
		Set: func(cfg any, v string) bool {
			value, ok := booleans[strings.ToLower(strings.TrimSpace(v))]
			if ok {
				*at[bool](cfg, field) = value == set
			}
			return ok
		},
		Text: func(cfg any) string {
			if *at[bool](cfg, field) {
				return strconv.FormatBool(set)
			}
			return ""
		},
		Fill: nothing, Check: unlimited,
	}
}

// side is blue or green. fsm.None means that nothing is set.
func side(field, dsn, env string) Setting {
	const want = "blue or green"
	return Setting{
		Description: describe(field, dsn, env, want),
		Set: func(cfg any, v string) bool {
			value, err := fsm.ParseSide(v)
			if err == nil {
				*at[fsm.Side](cfg, field) = value
			}
			return err == nil
		},
		Text: func(cfg any) string {
			switch value := *at[fsm.Side](cfg, field); {
			case value == fsm.None:
				return ""
			case value.Valid():
				return value.String()
			default:
				return strconv.Itoa(int(value))
			}
		},
		Fill: nothing,
		Check: func(cfg any) string {
			if value := *at[fsm.Side](cfg, field); value == fsm.None || value.Valid() {
				return ""
			}
			return want
		},
	}
}

// choice is one of a few names, in any case. The first one is the default.
func choice(field, dsn, env string, names ...string) Setting {
	want := strings.Join(names, " or ")
	find := func(text string) int {
		return slices.IndexFunc(names, func(name string) bool { return strings.EqualFold(name, strings.TrimSpace(text)) })
	}
	d := describe(field, dsn, env, want)
	d.Default = names[0]
	return Setting{
		Description: d,
		Set: func(cfg any, v string) bool {
			i := find(v)
			if i >= 0 {
				*at[string](cfg, field) = names[i]
			}
			return i >= 0
		},
		Text: func(cfg any) string { return *at[string](cfg, field) },
		Fill: func(cfg any) {
			value := at[string](cfg, field)
			*value = names[max(find(*value), 0)]
		},
		Check: func(cfg any) string {
			if value := *at[string](cfg, field); value == "" || find(value) >= 0 {
				return ""
			}
			return want
		},
	}
}

// number is a whole number. If its default is not 0, 0 means the default.
func number(field, dsn, env string, byDefault, least, most int) Setting {
	want := fmt.Sprintf("a whole number from %d to %d", least, most)
	d := describe(field, dsn, env, want)
	d.Default, d.Min, d.Max = strconv.Itoa(byDefault), strconv.Itoa(least), strconv.Itoa(most)
	return Setting{
		Description: d,
		Set: func(cfg any, v string) bool {
			n, err := strconv.Atoi(strings.TrimSpace(v))
			if err != nil || n < least || n > most {
				return false
			}
			*at[int](cfg, field) = n
			return true
		},
		Text: func(cfg any) string {
			if n := *at[int](cfg, field); n != 0 {
				return strconv.Itoa(n)
			}
			return ""
		},
		Fill: func(cfg any) { fill(at[int](cfg, field), byDefault) },
		Check: func(cfg any) string {
			switch n := *at[int](cfg, field); {
			case n == 0 || n >= least && n <= most:
				return ""
			case byDefault == 0:
				return want
			}
			return fmt.Sprintf("%s, or 0 for the default (%d)", want, byDefault)
		},
	}
}

// span is a duration. Its text is a number of units, or a duration with a unit of its
// own, such as 1m30s.
func span(field, dsn, env string, unit, byDefault, least, most time.Duration) Setting {
	units := map[time.Duration]string{time.Second: "seconds", time.Millisecond: "milliseconds"}[unit]
	between := fmt.Sprintf("from %s to %s", FormatDuration(least), FormatDuration(most))
	d := describe(field, dsn, env, "a number of "+units+" or a duration such as 30s, "+between)
	d.Default, d.Min, d.Max = FormatDuration(byDefault), FormatDuration(least), FormatDuration(most)
	return Setting{
		Description: d,
		Set: func(cfg any, v string) bool {
			value, ok := parseDuration(v, unit, most)
			if !ok || value < least || value > most {
				return false
			}
			*at[time.Duration](cfg, field) = value
			return true
		},
		Text: func(cfg any) string {
			if value := *at[time.Duration](cfg, field); value != 0 {
				return FormatDuration(value)
			}
			return ""
		},
		Fill: func(cfg any) { fill(at[time.Duration](cfg, field), byDefault) },
		Check: func(cfg any) string {
			if value := *at[time.Duration](cfg, field); value == 0 || value >= least && value <= most {
				return ""
			}
			return fmt.Sprintf("a duration %s, or 0 for the default (%s)", between, FormatDuration(byDefault))
		},
	}
}

// parseDuration parses a number of units, or a duration with a unit. It refuses a number
// above most before the conversion, which would overflow.
func parseDuration(text string, unit, most time.Duration) (time.Duration, bool) {
	text = strings.TrimSpace(text)
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		n *= float64(unit)
		return time.Duration(math.Round(n)), n >= 0 && n <= float64(most) // false for NaN
	}
	d, err := time.ParseDuration(text)
	return d, err == nil
}

// FormatDuration formats a duration without the units that are zero: 24h, not 24h0m0s.
func FormatDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

func fill[T comparable](field *T, byDefault T) {
	var zero T
	if *field == zero {
		*field = byDefault
	}
}

// variable is the full name of an environment variable.
func variable(name string) string {
	if name == "" {
		return ""
	}
	return EnvPrefix + name
}

// level is a log level. A nil level is not set.
func level(field, dsn, env string) Setting {
	return Setting{
		Description: describe(field, dsn, env, wantLevel),
		Set: func(cfg any, v string) bool {
			value, err := parseLevel(strings.TrimSpace(v))
			if err == nil {
				*at[slog.Leveler](cfg, field) = value
			}
			return err == nil
		},
		Text: func(cfg any) string {
			if l := *at[slog.Leveler](cfg, field); l != nil && !MissingLevel(l) {
				return FormatLevel(l.Level())
			}
			return ""
		},
		Fill: nothing,
		Check: func(cfg any) string {
			if MissingLevel(*at[slog.Leveler](cfg, field)) {
				return "a level, such as slog.LevelInfo, or a *slog.LevelVar that is not nil"
			}
			return ""
		},
	}
}
