package sqltext_test

import (
	"fmt"

	"github.com/e6data/e6data-go/internal/sqltext"
)

func ExampleNormalize() {
	fmt.Println(sqltext.Normalize("SELECT ';' FROM t ;\n"))
	// Output: SELECT ';' FROM t
}

func ExampleReadOnly() {
	fmt.Println(sqltext.ReadOnly("SELECT 'DELETE' FROM t"))
	fmt.Println(sqltext.ReadOnly("WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a"))
	// Output:
	// true
	// false
}
