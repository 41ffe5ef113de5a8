package e6test

import "math/big"

// sixteenBytes has all the bits of a decimal.
var sixteenBytes = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 128), big.NewInt(1))

// TwosComplement returns an unscaled decimal as a batch has it: 16 bytes, big
// endian. Excess bytes are dropped.
func TwosComplement(unscaled *big.Int) []byte {
	// And takes a negative number as two's complement of endless length.
	return new(big.Int).And(unscaled, sixteenBytes).FillBytes(make([]byte, 16))
}
