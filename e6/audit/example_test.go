package audit_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/audit"
	"github.com/e6data/e6data-go/e6/e6test"
)

// A client writes an audit log while its cluster cuts over.
func Example() {
	ctx := context.Background()
	cluster, err := e6test.Start(e6test.InMemory())
	if err != nil {
		log.Fatal(err)
	}
	defer cluster.Close()
	dir, err := os.MkdirTemp("", "audit")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	audited, err := audit.Open(dir, audit.Options{})
	if err != nil {
		log.Fatal(err)
	}
	client, err := e6.Open(ctx, e6.Config{Address: cluster.Addr(), User: "me@example.com", Token: "secret"},
		append(audited.Options(), e6.WithDialer(cluster.Dialer()))...)
	if err != nil {
		log.Fatal(err)
	}
	if err := cluster.Cutover(ctx, e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}); err != nil {
		log.Fatal(err)
	}
	if _, err := client.QueryAll(ctx, "SELECT 1"); err != nil {
		log.Fatal(err)
	}
	if err := client.Close(); err != nil {
		log.Fatal(err)
	}
	if err := audited.Close(); err != nil {
		log.Fatal(err)
	}

	files, err := filepath.Glob(filepath.Join(dir, "strategy-*.jsonl"))
	if err != nil {
		log.Fatal(err)
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			log.Fatal(err)
		}
		for lines := bufio.NewScanner(f); lines.Scan(); {
			var r audit.Record
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				log.Fatal(err)
			}
			if r.Event == "strategy_changed" {
				fmt.Println(r.Level, r.Details["from"], "->", r.Details["to"], r.Transition, "because of", r.Cause)
			}
		}
		f.Close()
	}
	// Output:
	// INFO none -> blue detected because of first_use
	// WARN blue -> green abrupt because of refusal: blue refused a call
}
