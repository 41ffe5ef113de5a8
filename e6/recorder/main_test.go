package recorder_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(childVariable); path != "" {
		beChild(path)
		return
	}
	goleak.VerifyTestMain(m)
}
