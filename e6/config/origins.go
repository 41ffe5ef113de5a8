package config

import (
	"cmp"
	"fmt"
	"reflect"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/internal/address"
	"github.com/e6data/e6data-go/e6/internal/settings"
)

// Origin is the value of a field of e6.Config and its source.
type Origin struct {
	// Field is the field of e6.Config.
	Field string
	// Value is the value as text. Secrets are masked.
	Value string
	// From is the environment variable, the parameter of the DSN, or the key of the
	// profile. It is empty for the default.
	From string
}

// Origins returns the values that Load sets and the source of each, in the order of the
// fields of e6.Config. It lists the fields that can be given as text, with their defaults,
// and the credentials. It leaves out invalid values: Load reports them.
func Origins(sources ...Source) (origins []Origin) {
	l := newLoading(sources)
	cfg := l.finish()
	hasToken := cfg.Token != "" || cfg.Credentials != nil
	filled := cfg
	settings.Fill(&filled)
	filled.User = l.cfg.User // finish has moved it to Credentials
	byText := map[string]settings.Setting{"Address": {}, "Bearer": {}}
	for _, s := range settings.All() {
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
			o.Value = setting.Text(&filled) // an interface, which may be nil
		case "Token":
			o.Value = map[bool]string{true: "***"}[hasToken]
		case "Bearer":
			o.Value = map[bool]string{true: "***"}[!v.IsNil()]
		case "Address":
			o.Value = address.Masked(filled.Address)
		case "PreferredSide":
			o.Value = cmp.Or(filled.PreferredSide, e6.Blue).String()
		default:
			o.Value = fmt.Sprint(v.Interface())
		}
		origins = append(origins, o)
	}
	return origins
}
