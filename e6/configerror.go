package e6

import "strings"

// Problem is an invalid value of a Config or of one of its sources.
type Problem struct {
	// Field is the field of Config. If the value belongs to no field, such as an unknown
	// parameter, it equals Source.
	Field string
	// Source is the environment variable, the parameter of a DSN, or the key of a profile
	// that has the value. It is empty for a field that the program has set.
	Source string
	// Value is the invalid value. Secrets are masked.
	Value string
	// Want has the allowed values and the next step.
	Want string
}

// Name returns the field, with the source in parentheses if there is one.
func (p Problem) Name() string {
	if p.Source == "" || p.Source == p.Field {
		return p.Field
	}
	return p.Field + " (" + p.Source + ")"
}

// String returns the name, the invalid value, and the allowed values.
func (p Problem) String() string { return p.Name() + " is " + p.Value + ": want " + p.Want }

// ConfigError lists all problems of a Config or of its sources, in no order that a program may
// rely on.
type ConfigError struct {
	Problems []Problem
}

// Error implements error.
func (e *ConfigError) Error() string {
	texts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		texts[i] = p.String()
	}
	return "e6: invalid configuration: " + strings.Join(texts, "; ")
}
