package main

import (
	"errors"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/callbacks"
	"gorm.io/gorm/clause"
	"gorm.io/gorm/logger"
	"gorm.io/gorm/migrator"
	"gorm.io/gorm/schema"
)

// Dialector lets GORM write the SQL of e6data. Conn is a *sql.DB of the driver e6.
//
// The engine has no transactions, so each write is separate. It generates no ids and
// returns no number of changed rows: set the id of every row, and do not use RowsAffected
// after a write. Save uses it, and would insert a row that it has just updated. Therefore
// the dialector refuses the fallback of Save: use Create and Updates.
type Dialector struct{ Conn gorm.ConnPool }

var _ gorm.Dialector = Dialector{}

// The errors for what cannot be done.
var (
	errUpsert  = errors.New("e6: there is no ON CONFLICT, and Save needs it: use Create for a new row, and Updates for one that exists")
	errMigrate = errors.New("e6: the tables are not GORM's to change: use Migrator().CreateTable, or SQL")
)

// Name implements gorm.Dialector.
func (Dialector) Name() string { return "e6" }

// Initialize implements gorm.Dialector.
func (d Dialector) Initialize(db *gorm.DB) error {
	db.ConnPool = d.Conn
	db.SkipDefaultTransaction = true
	callbacks.RegisterDefaultCallbacks(db, &callbacks.Config{}) // without RETURNING
	db.ClauseBuilders["ON CONFLICT"] = func(_ clause.Clause, b clause.Builder) { _ = b.AddError(errUpsert) }
	return nil
}

// Migrator implements gorm.Dialector.
func (d Dialector) Migrator(db *gorm.DB) gorm.Migrator {
	return tables{migrator.Migrator{Config: migrator.Config{DB: db, Dialector: d}}}
}

// tables creates and drops tables. Changing one needs to know what it is now, in
// words that each engine has its own of.
type tables struct{ migrator.Migrator }

// AutoMigrate implements gorm.Migrator.
func (tables) AutoMigrate(...any) error { return errMigrate }

// DataTypeOf implements gorm.Dialector.
func (Dialector) DataTypeOf(f *schema.Field) string {
	switch f.DataType {
	case schema.Bool:
		return "BOOLEAN"
	case schema.Int, schema.Uint:
		if f.Size < 32 || f.Size == 32 && f.DataType == schema.Int {
			return "INTEGER"
		}
		return "BIGINT"
	case schema.Float:
		return "DOUBLE"
	case schema.String:
		return "VARCHAR"
	case schema.Time:
		return "TIMESTAMP"
	case schema.Bytes:
		return "BINARY"
	}
	return string(f.DataType) // the type of the field's tag: type:DECIMAL(12,2)
}

// DefaultValueOf implements gorm.Dialector.
func (Dialector) DefaultValueOf(*schema.Field) clause.Expression { return clause.Expr{SQL: "DEFAULT"} }

// BindVarTo implements gorm.Dialector: the client puts the value in the place of
// the question mark.
func (Dialector) BindVarTo(w clause.Writer, _ *gorm.Statement, _ any) { _ = w.WriteByte('?') }

// QuoteTo implements gorm.Dialector: each part of a name is in double quotes.
func (Dialector) QuoteTo(w clause.Writer, name string) {
	for i, part := range strings.Split(name, ".") {
		if i > 0 {
			_ = w.WriteByte('.')
		}
		_, _ = w.WriteString(`"` + strings.ReplaceAll(part, `"`, `""`) + `"`)
	}
}

// Explain implements gorm.Dialector. The text is for logs, and is never run.
func (Dialector) Explain(sql string, vars ...any) string {
	return logger.ExplainSQL(sql, nil, `'`, vars...)
}
