package sqlvalue

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

// UnmarshalNested decodes the JSON of an ARRAY, a MAP or a STRUCT into dest, a pointer.
// It decodes into a new value first, because encoding/json would keep entries of the row
// before in a map or a struct, and would leave half of a value that it cannot decode.
// Numbers in an any are json.Number and keep their digits.
func UnmarshalNested(text []byte, dest any) error {
	into := reflect.ValueOf(dest)
	if into.Kind() != reflect.Pointer || into.IsNil() {
		return errNoPointer
	}
	fresh := reflect.New(into.Type().Elem())
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	err := decoder.Decode(fresh.Interface())
	if err == nil && decoder.InputOffset() < int64(len(bytes.TrimRight(text, " \t\r\n"))) {
		err = errors.New("something follows the value")
	}
	if err != nil {
		return fmt.Errorf("the value is not the JSON that the destination needs: %w: scan into a string for the text", err)
	}
	into.Elem().Set(fresh.Elem())
	return nil
}
