// Package sqltext reads the text of a statement as far as a client must: where
// its literals, identifiers and comments are, and whether it can only read.
//
// It knows the tokens of the e6 dialect, not its grammar. Literals stand in
// single quotes, with backslash escapes and doubled quotes; identifiers in
// double quotes or backquotes; comments begin with -- or // and end with the
// line, or stand between /* and */.
//
// [Normalize] gives the text that may be sent to the engine. [ReadOnly] decides
// whether a statement may be sent twice; if that is uncertain, it reports false.
package sqltext
