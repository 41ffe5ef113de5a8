package config_test

import (
	"fmt"
	"log"

	"github.com/e6data/e6data-go/e6/config"
)

func ExampleParseDSN() {
	cfg, err := config.ParseDSN("e6s://me@example.com:secret@e6.example.com/demo/sales?cluster=analytics&prepare_timeout=30s")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(cfg.Address, cfg.TLS, cfg.Catalog, cfg.Schema, cfg.PrepareTimeout)
	fmt.Println(cfg) // without the token
	// Output:
	// e6.example.com:443 true demo sales 30s
	// e6s://me%40example.com:***@e6.example.com:443/demo/sales?cluster=analytics&prepare_timeout=30s
}

// The error lists every problem, with the source of the value, and no secret.
func ExampleParseDSN_invalid() {
	_, err := config.ParseDSN("e6s://me:secret@e6.example.com?clustr=analytics&max_attempts=99")
	fmt.Println(err)
	// Output:
	// e6: invalid configuration: DSN parameter clustr is unknown: want cluster, if that is meant, or another name that docs/configuration.md lists; MaxAttempts (DSN parameter max_attempts) is "99": want a whole number from 1 to 20
}

// The later source overrides the earlier one, field by field. A program reads the environment
// with config.FromEnv.
func ExampleLoad() {
	cfg, err := config.Load(
		config.FromValues("defaults", map[string]string{"address": "localhost:50052", "catalog": "demo"}),
		config.FromDSN("e6://me:secret@127.0.0.1:9000"),
	)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(cfg)
	// Output:
	// e6://me:***@127.0.0.1:9000/demo
}

// Origins shows the source of each value.
func ExampleOrigins() {
	for _, o := range config.Origins(config.FromDSN("e6://me:secret@localhost:50052?max_attempts=3")) {
		if o.From != "" {
			fmt.Printf("%s = %s (%s)\n", o.Field, o.Value, o.From)
		}
	}
	// Output:
	// Address = localhost:50052 (DSN)
	// User = me (DSN)
	// Token = *** (DSN)
	// MaxAttempts = 3 (DSN parameter max_attempts)
}
