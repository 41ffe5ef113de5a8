package e6

import (
	"cmp"
	"fmt"
	"reflect"
)

// Origin is a value of a Config and who gave it.
type Origin struct {
	// Field is the field of Config.
	Field string
	// Value is the value as text; a secret is masked.
	Value string
	// From is the environment variable, the parameter of the DSN, the key of the
	// profile, and empty for the default.
	From string
}

// Origins tells what Load makes of its sources and where each value comes from, in
// the order of Config. It lists the fields that can be given as text, and the
// credentials. What is wrong is left out: Load reports it.
func Origins(sources ...Source) (origins []Origin) {
	l := newLoading(sources)
	cfg := l.finish()
	hasToken := cfg.Token != "" || cfg.Credentials != nil
	filled := cfg.withDefaults()
	filled.User = l.cfg.User // which a provider's token leaves to Credentials
	byText := map[string]Setting{"Address": {}, "Bearer": {}}
	for _, s := range settings {
		byText[s.Field] = s
	}
	for field, v := range reflect.ValueOf(filled).Fields() {
		setting, ok := byText[field.Name]
		if !ok {
			continue
		}
		o := Origin{Field: field.Name, From: l.from[field.Name]}
		switch field.Name {
		case "LogLevel", "StrategyLogLevel", "GRPCLogLevel":
			o.Value = setting.text(&filled) // an interface, which may be nil
		case "Token":
			o.Value = map[bool]string{true: "***"}[hasToken]
		case "Bearer":
			o.Value = map[bool]string{true: "***"}[!v.IsNil()]
		case "Address":
			o.Value = filled.shownAddress()
		case "PreferredSide":
			o.Value = cmp.Or(filled.PreferredSide, Blue).String()
		default:
			o.Value = fmt.Sprint(v.Interface())
		}
		origins = append(origins, o)
	}
	return origins
}
