package config

import "github.com/e6data/e6data-go/e6/internal/settings"

// Setting describes a value of e6.Config that can be given as text: as a parameter of a
// DSN, in the environment, in a profile, or as a flag. The limits are the same for all of
// them, and for the field.
type Setting struct {
	// Field is the field of e6.Config.
	Field string
	// DSN is the parameter of a DSN. It is empty if the value has another place in the
	// DSN: the user, the token, the catalog, the schema.
	DSN string
	// Aliases are the names of the parameter in other clients of the engine. In all
	// names, case, hyphens and underscores are ignored.
	Aliases []string
	// Env is the environment variable, and empty if there is none. EnvAlias is read if
	// Env is not set.
	Env, EnvAlias string
	// Want describes the allowed texts.
	Want string
	// Default is the default as text. It is empty if the default is the zero value of
	// the field's type.
	Default string
	// Min and Max are the limits as text, and empty if the setting has none.
	Min, Max string
	// Secret is true if the value must not be shown.
	Secret bool
}

// Named reports whether name is the name of the setting in a DSN or a profile, or one of
// its aliases. Case, hyphens and underscores are ignored.
func (s Setting) Named(name string) bool { return settings.Description(s).Named(name) }

// Settings returns the settings, in the order of the fields of e6.Config.
func Settings() []Setting {
	all := make([]Setting, 0, len(settings.All()))
	for _, s := range settings.All() {
		all = append(all, Setting(s.Description))
	}
	return all
}

// ValueNames returns the names that FromValues accepts, without the aliases.
func ValueNames() []string {
	names := []string{"address", "host", "port"}
	for _, s := range settings.All() {
		names = append(names, s.Name())
	}
	return names
}
