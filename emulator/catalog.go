package emulator

import (
	"context"

	"github.com/e6data/e6data-go/e6/e6test"
)

// Catalogs implements e6test.Engine: it lists the databases that are attached,
// without DuckDB's own and the empty one in memory that holds them.
func (e *Engine) Catalogs(ctx context.Context) ([]e6test.Catalog, error) {
	names, err := e.names(ctx, `SELECT database_name FROM duckdb_databases()
		WHERE NOT internal AND database_name <> 'memory' ORDER BY database_name`)
	if err != nil {
		return nil, err
	}
	catalogs := make([]e6test.Catalog, len(names))
	for i, name := range names {
		catalogs[i] = e6test.Catalog{Name: name, Default: name == e.catalog}
	}
	return catalogs, nil
}

// Schemas implements e6test.Engine. An empty catalog is the engine's own; one
// that does not exist has no schemas.
func (e *Engine) Schemas(ctx context.Context, catalog string) ([]string, error) {
	catalog, _ = e.orOwn(catalog, "")
	return e.names(ctx, `SELECT schema_name FROM information_schema.schemata
		WHERE lower(catalog_name) = lower(`+quoteText(catalog)+`)
		AND schema_name NOT IN ('information_schema', 'pg_catalog') ORDER BY schema_name`)
}

// Tables implements e6test.Engine: tables and views, in the order of their
// names. Empty names are the engine's own; a schema that does not exist has no
// tables.
func (e *Engine) Tables(ctx context.Context, catalog, schema string) ([]string, error) {
	catalog, schema = e.orOwn(catalog, schema)
	return e.names(ctx, `SELECT table_name FROM information_schema.tables
		WHERE lower(table_catalog) = lower(`+quoteText(catalog)+`)
		AND lower(table_schema) = lower(`+quoteText(schema)+`)
		ORDER BY table_name`)
}

// Columns implements e6test.Engine. A table that does not exist is an error.
func (e *Engine) Columns(ctx context.Context, catalog, schema, table string) ([]e6test.TableColumn, error) {
	catalog, schema = e.orOwn(catalog, schema)
	conn, err := e.connect(ctx, "", "")
	if err != nil {
		return nil, err
	}
	p := e.newStatement(conn, e6test.Statement{})
	defer func() { _ = p.Close() }()
	p.stmt, err = conn.prepare(ctx, "FROM "+quoteName(catalog)+"."+quoteName(schema)+"."+quoteName(table))
	if err != nil {
		return nil, err
	}
	return p.describe(), nil
}

// orOwn replaces empty names by the engine's own.
func (e *Engine) orOwn(catalog, schema string) (string, string) {
	if catalog == "" {
		catalog = e.catalog
	}
	if schema == "" {
		schema = e.schema
	}
	return catalog, schema
}

// names runs a query with one text column.
func (e *Engine) names(ctx context.Context, query string) ([]string, error) {
	conn, err := e.connect(ctx, "", "")
	if err != nil {
		return nil, err
	}
	defer conn.close()
	rows, err := conn.texts(ctx, query)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(rows))
	for i, row := range rows {
		names[i] = row[0]
	}
	return names, nil
}
