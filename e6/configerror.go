package e6

import "strings"

// Problem is one thing that is wrong with a Config or one of its sources.
type Problem struct {
	// Field is the field of Config; of what belongs to no field, such as a parameter
	// that is unknown, it is the place of Source.
	Field string
	// Source is where the value was given: an environment variable, a parameter of a
	// DSN, a key of a profile. It is empty for a field that the program has set.
	Source string
	// Value is what was found; secrets are masked.
	Value string
	// Want is what would be right: the allowed values, and the next step.
	Want string
}

// Name is the field, and the source that gave its value if it is not the program.
func (p Problem) Name() string {
	if p.Source == "" || p.Source == p.Field {
		return p.Field
	}
	return p.Field + " (" + p.Source + ")"
}

// String says what is wrong and what would be right.
func (p Problem) String() string { return p.Name() + " is " + p.Value + ": want " + p.Want }

// ConfigError lists everything that is wrong with a Config.
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
