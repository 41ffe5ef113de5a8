package sqldriver_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"

	"github.com/e6data/e6data-go/e6"
	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/e6/sqldriver"
)

// With a data source name, sql.Open("e6", dsn) is enough. The connector takes a Config and
// options of the client. The cutover between the two queries is invisible.
func ExampleNewConnector() {
	ctx := context.Background()
	cluster, err := e6test.Start(e6test.InMemory())
	if err != nil {
		log.Fatal(err)
	}
	defer cluster.Close()
	cluster.On("SELECT name FROM users WHERE id = ?", e6test.Rows(e6test.Texts("name", "Ann")))

	connector, err := sqldriver.NewConnector(
		e6.Config{Address: cluster.Addr(), User: "me@example.com", Token: "secret"},
		sqldriver.WithClientOptions(e6.WithDialer(cluster.Dialer())))
	if err != nil {
		log.Fatal(err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()

	for range 2 {
		var name string
		if err := db.QueryRowContext(ctx, "SELECT name FROM users WHERE id = ?", 7).Scan(&name); err != nil {
			log.Fatal(err)
		}
		fmt.Println(name)
		if err := cluster.Cutover(ctx, e6test.Cutover{To: e6.Green, Kind: e6test.Abrupt}); err != nil {
			log.Fatal(err)
		}
	}
	// Output:
	// Ann
	// Ann
}
