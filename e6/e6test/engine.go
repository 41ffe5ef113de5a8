package e6test

import (
	"context"

	"github.com/e6data/e6data-go/e6/vector"
)

// Engine is the SQL engine behind a Cluster. Both sides of the cluster share
// one. Its methods are called concurrently. An error that it returns reaches
// the client as the engine's own, with code INTERNAL unless it is a gRPC status.
type Engine interface {
	// Prepare checks a statement and returns it ready to be executed.
	Prepare(ctx context.Context, s Statement) (Prepared, error)
	// Catalogs lists the catalogs.
	Catalogs(ctx context.Context) ([]Catalog, error)
	// Schemas lists the schemas of a catalog.
	Schemas(ctx context.Context, catalog string) ([]string, error)
	// Tables lists the tables of a schema.
	Tables(ctx context.Context, catalog, schema string) ([]string, error)
	// Columns lists the columns of a table in their order.
	Columns(ctx context.Context, catalog, schema, table string) ([]TableColumn, error)
	// DryRun checks a statement without running it and describes the outcome.
	DryRun(ctx context.Context, s Statement) (string, error)
}

// Statement is the text of a query with the names it is resolved against.
// Catalog and Schema are empty where the client named none.
type Statement struct {
	SQL     string
	Catalog string
	Schema  string
}

// Prepared is a statement that was checked and not executed yet. The server
// calls Execute at most once, and Close at the end in every case.
type Prepared interface {
	// Execute runs the statement. The context is cancelled when the client
	// cancels the query or the engine's side goes down.
	Execute(ctx context.Context) (Result, error)
	// Explain returns the plan as text, before or after Execute.
	Explain(ctx context.Context) (string, error)
	// Close frees what the statement holds.
	Close() error
}

// Parameterized is a Prepared whose statement may have placeholders, the values of
// which come with executeStatementV2. The server takes none for a Prepared that
// is not Parameterized.
type Parameterized interface {
	Prepared
	// Parameters returns the type of each placeholder, which is empty where it
	// follows from the value alone.
	Parameters() []string
	// Bind gives every placeholder its value. It is called before Execute, if
	// there are placeholders.
	Bind(ctx context.Context, values []Parameter) error
}

// Parameter is the value of a placeholder.
type Parameter struct {
	// Type is the client's name for the type of the value.
	Type string
	// Text is the value as text.
	Text string
}

// Result is the outcome of an executed statement. One call at a time is made.
type Result interface {
	// Fields describes the columns.
	Fields() []vector.Field
	// RowCount is the number of rows of the whole result.
	RowCount() int64
	// Next returns the next rows, at most maxRows of them, and io.EOF once
	// there are none left.
	Next(ctx context.Context, maxRows int) (*Batch, error)
	// Close frees what the result holds, also when rows are left.
	Close() error
}

// Catalog is one catalog of the engine.
type Catalog struct {
	Name    string
	Default bool
}

// TableColumn is one column of a table, with the engine's short type name such
// as long, string or decimal(10,2).
type TableColumn struct {
	Name string
	Type string
}
