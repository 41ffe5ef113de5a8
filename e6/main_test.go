package e6_test

import (
	"flag"
	"fmt"
	"testing"

	"go.uber.org/goleak"

	"github.com/e6data/e6data-go/internal/stress"
)

func TestMain(m *testing.M) {
	// A flag of the command line, which is parsed later, wins.
	if err := flag.Set("rapid.checks", fmt.Sprint(stress.Count(15, 100))); err != nil {
		panic(err)
	}
	goleak.VerifyTestMain(m)
}
