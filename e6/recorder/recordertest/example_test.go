package recordertest_test

import (
	"context"
	"testing"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/recorder/recordertest"
)

// If the test fails, its output has the report of the last cutover.
func ExampleNew() {
	test := func(t *testing.T) {
		cluster := e6test.New(t)
		client, err := e6.Open(t.Context(), e6.Config{Address: cluster.Addr(), User: "me@example.com", Token: "token", Catalog: "demo", Schema: "sales"},
			e6.WithRecorder(recordertest.New(t)))
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		if err := cluster.Cutover(context.Background(), e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}); err != nil {
			t.Fatal(err)
		}
		if _, err := client.QueryAll(t.Context(), "SELECT 1"); err != nil {
			t.Fatal(err)
		}
	}
	_ = test // go test runs it
}
