package doctor

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/e6data/e6data-go/e6/config"
)

// Bundle writes a zip archive for support: the report, the
// configuration, the names of the environment's variables, versions, and what a
// client knows. It holds no token, no user, no session and no statement.
func Bundle(w io.Writer, r *Report, origins []config.Origin, known *Client) error {
	origins = slices.Clone(origins)
	for i, o := range origins {
		if o.Field == "User" && o.Value != "" {
			r.secrets.keep(o.Value)
			origins[i].Value = "***"
		}
	}

	archive := zip.NewWriter(w)
	add := func(name, text string) error {
		f, err := archive.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Now()})
		if err == nil {
			_, err = io.WriteString(f, r.secrets.mask(text))
		}
		return err
	}
	var report strings.Builder
	for _, l := range r.Lines {
		_, _ = l.WriteTo(&report)
	}
	files := []struct {
		name string
		text func() string
	}{
		{"report.txt", report.String},
		{"report.json", func() string { return asJSON(r) }},
		{"configuration.json", func() string { return asJSON(origins) }},
		{"environment.txt", environment},
		{"versions.txt", versions},
		{"client.json", func() string { return asJSON(known) }},
	}
	for _, f := range files {
		if err := add("e6-support/"+f.name, f.text()); err != nil {
			return fmt.Errorf("write %s of the archive: %w", f.name, err)
		}
	}
	return archive.Close()
}

func asJSON(v any) string {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil { // these types always can
		return err.Error()
	}
	return string(text) + "\n"
}

// environment lists the names of the variables that concern the client. Their values
// are in the configuration, as far as they are no secret.
func environment() string {
	var names []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		for _, prefix := range []string{config.EnvPrefix, "GRPC_", "GODEBUG", "GOMAXPROCS", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy", "SSL_CERT_"} {
			if strings.HasPrefix(name, prefix) {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return strings.Join(append(names, ""), "\n")
}

// versions lists what the program is built from.
func versions() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s/%s, %d CPUs, %d goroutines, %s\n", runtime.Version(), runtime.GOOS, runtime.GOARCH,
		runtime.NumCPU(), runtime.NumGoroutine(), time.Now().UTC().Format(time.RFC3339))
	if info, ok := debug.ReadBuildInfo(); ok {
		fmt.Fprintf(&b, "%s %s\n", info.Main.Path, info.Main.Version)
		for _, m := range info.Deps {
			fmt.Fprintf(&b, "%s %s\n", m.Path, m.Version)
		}
	}
	return b.String()
}
