package e6test

import "math/big"

// TwosComplement returns an unscaled decimal as a batch has it: 16 bytes, big
// endian. What does not fit is cut off.
func TwosComplement(unscaled *big.Int) []byte {
	if unscaled.Sign() < 0 {
		unscaled = new(big.Int).Add(unscaled, new(big.Int).Lsh(big.NewInt(1), 128))
	}
	low := new(big.Int).And(unscaled, new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 128), big.NewInt(1)))
	return low.FillBytes(make([]byte, 16))
}
