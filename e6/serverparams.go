package e6

// WithServerParameters sends arguments beside the statement, as the params of
// executeStatementV2, instead of writing them into its text as literals, which is the
// default. NULL, binary values and floats that are not finite have no known form as a
// parameter and stay literals. The parameters have the indexes that the engine reports by
// getDynamicParams, or count from 1 if it does not implement that call. A parameter has the
// type of a column of such values; a string has the type that the engine reports, so that it
// may be a date. No release of the public connector uses parameters: test them with your
// engine first.
func WithServerParameters() Option { return func(o *options) { o.serverParams = true } }
