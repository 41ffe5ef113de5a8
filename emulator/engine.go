package emulator

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"github.com/e6data/e6data-go/e6/e6test"
)

// Engine is an e6test.Engine over DuckDB. All statements, whichever side they
// come from, share one database. Each has a connection of its own, so that
// settings, temporary tables and open transactions end with the statement.
// It is safe for concurrent use.
type Engine struct {
	catalog, schema string
	zone            string

	// mu keeps Close from freeing the database under a connect.
	mu     sync.RWMutex
	db     mapping.Database
	closed bool
}

var _ e6test.Engine = (*Engine)(nil)

// New opens a database. The caller closes the engine.
func New(opts Options) (*Engine, error) {
	db, err := openDatabase()
	if err != nil {
		return nil, err
	}
	e := &Engine{db: db, catalog: SampleCatalog, schema: SampleSchema, zone: opts.Zone}
	if e.zone == "" {
		e.zone = "UTC"
	}
	if opts.Database != "" {
		e.catalog, e.schema = catalogOf(opts.Database), "main"
	}
	if err := e.setUp(opts); err != nil {
		_ = e.Close()
		return nil, err
	}
	return e, nil
}

// catalogOf derives the name of a catalog from that of a file. DuckDB keeps
// some names for itself.
func catalogOf(path string) string {
	base := filepath.Base(path)
	name := strings.TrimSuffix(base, filepath.Ext(base))
	switch strings.ToLower(name) {
	case "", "main", "memory", "system", "temp":
		return name + "_db"
	}
	return name
}

// setUp attaches the catalog and fills it.
func (e *Engine) setUp(opts Options) error {
	c, err := connect(e.db)
	if err != nil {
		return err
	}
	defer c.close()
	ctx := context.Background()
	if err := c.run(ctx, "SET GLOBAL TimeZone = "+quoteText(e.zone)); err != nil {
		return fmt.Errorf("emulator: time zone %q: %w", e.zone, err)
	}
	if err := c.run(ctx, functionsSQL); err != nil {
		return fmt.Errorf("emulator: create the functions of e6data's dialect: %w", err)
	}
	if opts.Database != "" {
		if info, err := os.Stat(opts.Database); err == nil && info.IsDir() {
			return fmt.Errorf("emulator: open database %s: it is a directory, not a file of duckdb", opts.Database)
		}
		if err := c.run(ctx, "ATTACH "+quoteText(opts.Database)+" AS "+quoteName(e.catalog)); err != nil {
			return fmt.Errorf("emulator: open database %s: %w", opts.Database, err)
		}
		return nil
	}
	const home = SampleCatalog + "." + SampleSchema
	setup := "ATTACH ':memory:' AS " + SampleCatalog + "; CREATE SCHEMA " + home + ";"
	if !opts.NoSample {
		setup += "USE " + home + ";" + sampleSQL
	}
	if err := c.run(ctx, setup); err != nil {
		return fmt.Errorf("emulator: build the sample data set: %w", err)
	}
	return nil
}

// Close closes the database. Statements that are still open go on until they
// are closed themselves; new ones are refused. A second call does nothing.
func (e *Engine) Close() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.closed {
		e.closed = true
		mapping.Close(&e.db)
	}
	return nil
}

// connect returns a connection on which names are resolved to the schema that
// the session named, then to the engine's own.
func (e *Engine) connect(ctx context.Context, catalog, schema string) (*connection, error) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.closed {
		return nil, errClosed
	}
	c, err := connect(e.db)
	if err != nil {
		return nil, err
	}
	if err := c.run(ctx, "SET search_path = "+quoteText(e.searchPath(catalog, schema))); err != nil {
		c.close()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("the catalog %q or its schema %q does not exist: %w", catalog, schema, err)
	}
	return c, nil
}

// functionsSQL creates the functions of e6data's dialect, in a schema of the database in
// memory: a file of the user stays as it is.
//
//go:embed functions.sql
var functionsSQL string

// functionsSchema is the schema of functionsSQL.
const functionsSchema = "memory.e6data"

// searchPath lists where a session looks for names, the first place first. It
// has no entry twice, which DuckDB would search twice.
func (e *Engine) searchPath(catalog, schema string) string {
	return e.tablesPath(catalog, schema) + "," + functionsSchema
}

func (e *Engine) tablesPath(catalog, schema string) string {
	own := quoteName(e.catalog) + "." + quoteName(e.schema)
	if catalog == "" && schema == "" {
		return own
	}
	switch {
	case catalog == "":
		catalog = e.catalog
	case schema == "" && strings.EqualFold(catalog, e.catalog):
		schema = e.schema
	case schema == "":
		schema = "main"
	}
	first := quoteName(catalog) + "." + quoteName(schema)
	if strings.EqualFold(first, own) {
		return own
	}
	return first + "," + own
}
