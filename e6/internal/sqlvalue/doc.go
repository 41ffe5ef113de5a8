// Package sqlvalue converts between Go values and SQL values: a Binder writes arguments
// into a statement, Assign copies a value of a result into a Go variable, a Plan decides
// which column of a result belongs to which field of a Go type, and a RowWindow converts
// rows for database/sql.
//
// It depends on column vectors (package vector) and SQL text (package sqltext), not on
// clients or queries. Its errors describe one argument, one value or one field; package e6
// wraps them in its public types with the query and the row.
package sqlvalue
