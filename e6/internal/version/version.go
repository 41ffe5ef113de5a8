// Package version returns the version of the SDK in a program.
package version

import "runtime/debug"

const module = "github.com/e6data/e6data-go"

// SDK returns the version of the SDK's module in this program, such as "v1.4.2", and
// "devel" if it was built from a working copy or the build information is missing.
func SDK() string {
	info, _ := debug.ReadBuildInfo()
	if info == nil {
		return "devel"
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == module && m.Version != "" && m.Version != "(devel)" && m.Replace == nil {
			return m.Version
		}
	}
	return "devel"
}
