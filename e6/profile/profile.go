package profile

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/config"
)

// The environment variables that choose a profile.
const (
	// EnvFile is the path of the file.
	EnvFile = config.EnvPrefix + "CONFIG"
	// EnvName is the name of the profile.
	EnvName = config.EnvPrefix + "PROFILE"
)

// DefaultPath is the path of the file: the value of EnvFile, or
// e6data/config.toml in the user's configuration directory (see os.UserConfigDir).
// It is empty if there is no such directory.
func DefaultPath() string {
	if path := os.Getenv(EnvFile); path != "" {
		return path
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "e6data", "config.toml")
}

// File reads a profile from a file. An empty path is DefaultPath; an empty name is
// the value of EnvName, or the default of the file, or its only profile. Without any
// of path, name and their variables, a file that does not exist gives nothing.
//
// Problems of the file are part of the error of config.Load: a syntax error with
// its line, an unknown key, a value that does not fit, a secret that others can
// read.
func File(path, name string) config.Source {
	name = cmp.Or(name, os.Getenv(EnvName))
	wanted := path != "" || name != "" || os.Getenv(EnvFile) != ""
	path = cmp.Or(path, DefaultPath())
	f, err := read(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !wanted, path == "" && !wanted:
		return config.FromValues(path, nil)
	case err != nil:
		return config.FromProblems(e6.Problem{Field: "profile file", Value: path, Want: err.Error()})
	}
	return f.source(name)
}

// Names lists the profiles of a file, sorted, and the one
// that is its default, if there is one. An empty path is DefaultPath.
func Names(path string) (names []string, byDefault string, err error) {
	f, err := read(cmp.Or(path, DefaultPath()))
	if err != nil {
		return nil, "", err
	}
	byDefault, _ = f.choose("")
	return f.names(), byDefault, nil
}

// file is a file of profiles.
type file struct {
	path     string
	mode     fs.FileMode
	unknown  []string                  // keys outside of the profiles
	Default  string                    `toml:"default"`
	Profiles map[string]map[string]any `toml:"profiles"`
}

func read(path string) (*file, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		reason := err
		if failed, ok := errors.AsType[*fs.PathError](err); ok {
			reason = failed.Err // the path is the value already
		}
		return nil, fmt.Errorf("a file that can be read: %w", reason)
	}
	f := &file{path: path}
	if info, err := os.Stat(path); err == nil {
		f.mode = info.Mode().Perm()
	}
	md, err := toml.Decode(string(text), f)
	if syntax, ok := errors.AsType[toml.ParseError](err); ok {
		// The parser's own text may quote the line, and so a secret.
		return nil, fmt.Errorf("valid TOML: line %d, column %d: %s", syntax.Position.Line, syntax.Position.Col, about(syntax))
	}
	if err != nil {
		return nil, errors.New("tables [profiles.NAME] of values, and default = \"NAME\"")
	}
	for _, key := range md.Undecoded() {
		f.unknown = append(f.unknown, key.String())
	}
	return f, nil
}

// about describes the error of a line, without the text of the line.
func about(err toml.ParseError) string {
	if err.LastKey != "" {
		return "a syntax error at the key " + err.LastKey
	}
	return "a syntax error"
}

func (f *file) names() []string { return slices.Sorted(maps.Keys(f.Profiles)) }

// choose returns the name of the profile that is meant.
func (f *file) choose(name string) (string, error) {
	name = cmp.Or(name, f.Default)
	names := f.names()
	if name == "" && len(names) == 1 {
		name = names[0]
	}
	switch _, ok := f.Profiles[name]; {
	case len(names) == 0:
		return "", errors.New("tables [profiles.NAME], of which the file has none")
	case name == "":
		return "", fmt.Errorf("a name, as the file has no default: one of %s", strings.Join(names, ", "))
	case !ok:
		return "", fmt.Errorf("one of %s", strings.Join(names, ", "))
	}
	return name, nil
}

// source is the profile of that name.
func (f *file) source(name string) config.Source {
	chosen, err := f.choose(name)
	if err != nil {
		return config.FromProblems(e6.Problem{Field: "profile", Value: fmt.Sprintf("%q", cmp.Or(name, f.Default)), Want: err.Error() + " (in " + f.path + ")"})
	}
	p := reader{origin: fmt.Sprintf("%s [profiles.%s]", f.path, chosen), values: maps.Clone(f.Profiles[chosen])}
	for _, key := range f.unknown {
		p.bad(key, "unknown", "default, or [profiles.NAME]")
	}
	if p.holdsSecret() && f.mode&0o077 != 0 && runtime.GOOS != "windows" {
		p.bad("mode", fmt.Sprintf("%04o", f.mode), "0600, as the profile holds a secret: chmod 600 "+f.path)
	}
	return p.source()
}
