package conformance

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

var write = flag.String("write", "", "write the results to this file")

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	if *write != "" {
		if err := os.WriteFile(*write, []byte(document()), 0o644); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}
