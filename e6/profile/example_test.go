package profile_test

import (
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/e6data/e6data-go/e6/config"
	"github.com/e6data/e6data-go/e6/profile"
)

// Empty arguments select the user's own file and its default profile. A later source
// overrides the profile.
func ExampleFile() {
	dir, err := os.MkdirTemp("", "e6")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "config.toml")
	text := `
default = "dev"

[profiles.dev]
address = "localhost:50052"
user = "me@example.com"
catalog = "demo"

[profiles.prod]
address = "e6.example.com"
tls = true
user = "reports@example.com"
token_file = "/run/secrets/e6"
`
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		log.Fatal(err)
	}
	for _, name := range []string{"", "prod"} {
		cfg, err := config.Load(profile.File(path, name), config.FromValues("flags", map[string]string{"schema": "sales"}))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(cfg.Address, cfg.Catalog, cfg.Schema)
	}
	// Output:
	// localhost:50052 demo sales
	// e6.example.com:443  sales
}
