package debug_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/debug"
	"github.com/e6data/e6data-go/e6/e6test"
)

// The page next to net/http/pprof, on an address that only operators reach.
func ExampleHandler() {
	ctx := context.Background()
	cluster, err := e6test.Start(e6test.InMemory())
	if err != nil {
		log.Fatal(err)
	}
	defer cluster.Close()
	client, err := e6.Open(ctx, e6.Config{Address: cluster.Addr(), User: "me@example.com", Token: "secret"}, e6.WithDialer(cluster.Dialer()))
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()

	mux := http.NewServeMux()
	mux.Handle("/debug/e6/", debug.Handler(client, debug.WithHosts("localhost", "127.0.0.1")))

	answer := httptest.NewRecorder()
	mux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "http://localhost:6060/debug/e6/", nil))
	fmt.Println(answer.Code, answer.Header().Get("Content-Type"))
	// Output: 200 text/html; charset=utf-8
}
