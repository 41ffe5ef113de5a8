package vector_test

import (
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/e6data/e6data-go/e6/vector"
)

// The result of a query for a column of decimals, as it comes from the engine.
const (
	metadataHex = "0000000000000002" + "00000001" + "00057072696365" + "000a444543494d414c313238" + "0000" + "0000"
	batchHex    = "08000100000002" + "0f00020c00000001" +
		"08000100000002" + "08000200000010" + "0f0003020000000200" + "01" +
		"0c00040c00110f00010b00000002" + "0000000204d2" + "0000000100" + "08000200000002" + "0000" +
		"00" + "00"
)

func ExampleDecode() {
	raw, _ := hex.DecodeString(metadataHex)
	meta, err := vector.DecodeMetadata(raw)
	if err != nil {
		fmt.Println(err)
		return
	}
	raw, _ = hex.DecodeString(batchHex)
	batch, err := vector.Decode(raw, meta.Fields)
	if err != nil {
		fmt.Println(err)
		return
	}
	price := batch.Column(0)
	for row := range batch.Rows() {
		fmt.Println(price.Field().Name, price.IsNull(row), price.Decimal(row))
	}
	// Output:
	// price false 12.34
	// price true 0
}

func ExampleDecodeError() {
	raw, _ := hex.DecodeString(batchHex)
	_, err := vector.Decode(raw[:50], []vector.Field{{Name: "price"}})
	var broken *vector.DecodeError
	if errors.As(err, &broken) {
		fmt.Println(broken.Name, broken.Offset, errors.Is(err, vector.ErrTruncated))
	}
	// Output: price 48 true
}
