package main

import (
	"fmt"
	"regexp"
	"strings"

	gomodule "golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

// checkVersion reports whether modules can have a version: a semantic one, whose major
// version is that of their paths.
func checkVersion(version string, modules []*module) error {
	if !semver.IsValid(version) || semver.Canonical(version) != version {
		return fmt.Errorf("%q is no version of a Go module: want vMAJOR.MINOR.PATCH, such as v0.1.0 or v1.0.0-rc.1", version)
	}
	for _, m := range modules {
		_, major, _ := gomodule.SplitPathVersion(m.path)
		if err := gomodule.CheckPathMajor(version, major); err != nil {
			return fmt.Errorf("module %s cannot have version %s: %w", m.path, version, err)
		}
	}
	return nil
}

// checkChangelog reports whether the changelog has a section for a version, with its
// date and with something in it.
func checkChangelog(text, version string) error {
	number := strings.TrimPrefix(version, "v")
	heading := regexp.MustCompile(`(?m)^## \[` + regexp.QuoteMeta(number) + `\] - \d{4}-\d{2}-\d{2}[ \t]*$`)
	at := heading.FindStringIndex(text)
	if at == nil {
		return fmt.Errorf("CHANGELOG.md has no section %q: give what is under \"Unreleased\" this heading, and commit it", "## ["+number+"] - YYYY-MM-DD")
	}
	section, _, _ := strings.Cut(text[at[1]:], "\n## ")
	for line := range strings.Lines(section) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return nil
		}
	}
	return fmt.Errorf("CHANGELOG.md has no section for %s: write what was added, changed and fixed", version)
}
