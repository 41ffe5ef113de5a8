package e6

import "github.com/e6data/e6data-go/e6/vector"

// Decimal is an exact decimal number of up to 38 digits: the type of DECIMAL
// values, a destination of Scan, also through database/sql, and an argument of a
// statement. Convert it to and from other decimal types as text.
type Decimal = vector.Decimal
