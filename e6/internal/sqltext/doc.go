// Package sqltext reads the text of a statement as far as a client must: where
// its literals, identifiers and comments are, and whether it can only read.
package sqltext
