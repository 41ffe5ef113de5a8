package emulator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/duckdb/duckdb-go/v2/mapping"
)

// The engine talks to DuckDB's C interface by way of the driver's own mapping
// package, not through database/sql: that way results are read a column at a
// time, nested values, times and decimals are seen as they are stored, and a
// result of a million rows costs no Go value per cell.

// interruptEvery is the pause between two interrupts of a cancelled statement.
// One is not enough: DuckDB forgets an interrupt that arrives before the
// statement has begun to run.
const interruptEvery = 5 * time.Millisecond

// errClosed is returned by an engine that was closed.
var errClosed = errors.New("emulator: the engine is closed")

// openDatabase opens DuckDB's in-memory database, to which everything else is
// attached.
func openDatabase() (mapping.Database, error) {
	var cfg mapping.Config
	if mapping.CreateConfig(&cfg) == mapping.StateError {
		return mapping.Database{}, errors.New("emulator: duckdb refused to make a configuration")
	}
	defer mapping.DestroyConfig(&cfg)
	// Nothing is fetched from the network behind the user's back.
	for name, value := range map[string]string{
		"autoinstall_known_extensions": "false",
		"autoload_known_extensions":    "false",
	} {
		if mapping.SetConfig(cfg, name, value) == mapping.StateError {
			return mapping.Database{}, fmt.Errorf("emulator: duckdb refused the setting %s=%s", name, value)
		}
	}
	var (
		db  mapping.Database
		msg string
	)
	if mapping.OpenExt("", &db, cfg, &msg) == mapping.StateError {
		mapping.Close(&db)
		return mapping.Database{}, fmt.Errorf("emulator: duckdb cannot open a database in memory: %s", msg)
	}
	return db, nil
}

// connection is one connection to DuckDB. Its methods must not be called
// concurrently; only a cancelled context reaches into a running one.
type connection struct{ c mapping.Connection }

func connect(db mapping.Database) (*connection, error) {
	var c mapping.Connection
	if mapping.Connect(db, &c) == mapping.StateError {
		return nil, errors.New("emulator: duckdb refused another connection")
	}
	return &connection{c}, nil
}

// close frees the connection. A second call does nothing.
func (c *connection) close() { mapping.Disconnect(&c.c) }

// interruptible runs f, which calls into DuckDB, and interrupts it when ctx
// ends. The interrupts have ceased when it returns, so that they cannot hit a
// later statement. An error of an interrupted call becomes the context's.
func (c *connection) interruptible(ctx context.Context, f func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if ctx.Done() == nil {
		return f()
	}
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		select {
		case <-done:
			return
		case <-ctx.Done():
		}
		tick := time.NewTicker(interruptEvery)
		defer tick.Stop()
		for {
			mapping.Interrupt(c.c)
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	}()
	err := f()
	close(done)
	<-stopped
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// run executes statements, several of them if sql has more, without reading
// what they return.
func (c *connection) run(ctx context.Context, sql string) error {
	return c.interruptible(ctx, func() error {
		var res mapping.Result
		state := mapping.Query(c.c, sql, &res)
		defer mapping.DestroyResult(&res)
		if state == mapping.StateError {
			return errors.New(mapping.ResultError(&res))
		}
		return nil
	})
}

// texts runs a query whose columns all are VARCHAR and returns its rows; a null
// is an empty string.
func (c *connection) texts(ctx context.Context, sql string) ([][]string, error) {
	stmt, err := c.prepare(ctx, sql)
	if err != nil {
		return nil, err
	}
	defer mapping.DestroyPrepare(&stmt)
	res, err := c.execute(ctx, stmt)
	if err != nil {
		return nil, err
	}
	defer func() { _ = res.Close() }()
	var rows [][]string
	for {
		batch, err := res.Next(ctx, 1<<16)
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		if err != nil {
			return nil, err
		}
		for r := range batch.Rows {
			row := make([]string, len(batch.Columns))
			for i := range batch.Columns {
				if nulls := batch.Columns[i].Nulls; len(nulls) == 0 || !nulls[r] {
					row[i] = batch.Columns[i].Strings[r]
				}
			}
			rows = append(rows, row)
		}
	}
}

// prepare checks exactly one statement. The caller destroys it.
func (c *connection) prepare(ctx context.Context, sql string) (mapping.PreparedStatement, error) {
	var stmt mapping.PreparedStatement
	if strings.IndexByte(sql, 0) >= 0 {
		// DuckDB takes the text up to the NUL for the whole statement.
		return stmt, errors.New("the statement contains a NUL character")
	}
	err := c.interruptible(ctx, func() error {
		var all mapping.ExtractedStatements
		count := mapping.ExtractStatements(c.c, sql, &all)
		defer mapping.DestroyExtracted(&all)
		if count == 0 {
			if msg := mapping.ExtractStatementsError(all); msg != "" {
				return errors.New(msg)
			}
			return errors.New("the statement is empty")
		}
		if count > 1 {
			return fmt.Errorf("the text has %d statements: send them one at a time", count)
		}
		if mapping.PrepareExtractedStatement(c.c, all, 0, &stmt) == mapping.StateError {
			return errors.New(mapping.PrepareError(stmt))
		}
		return nil
	})
	if err != nil {
		mapping.DestroyPrepare(&stmt)
		return mapping.PreparedStatement{}, err
	}
	return stmt, nil
}

// quoteName writes an identifier.
func quoteName(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// quoteText writes a string literal.
func quoteText(text string) string { return `'` + strings.ReplaceAll(text, `'`, `''`) + `'` }
