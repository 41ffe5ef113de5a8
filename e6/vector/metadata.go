package vector

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// minFieldBytes is the size of a field of the metadata whose four strings are empty.
const minFieldBytes = 4 * 2

// Metadata describes a result.
type Metadata struct {
	// Rows is the number of rows that the engine declares, unchecked. A negative
	// number declares nothing.
	Rows int64
	// Fields has one entry per column.
	Fields []Field
}

// DecodeMetadata decodes the metadata of a result, which must fill b to its last
// byte. The strings may be plain UTF-8, or the modified form that Java writes,
// in which NUL takes two bytes and a character beyond the basic plane six. An
// error is a *DecodeError. Nothing in the result refers to b.
func DecodeMetadata(b []byte) (*Metadata, error) {
	m, err := decodeMetadata(&reader{b: b})
	if err != nil {
		err.Op = "metadata"
		return nil, err
	}
	return m, nil
}

func decodeMetadata(r *reader) (*Metadata, *DecodeError) {
	rows, err := r.i64("the number of rows")
	if err != nil {
		return nil, err
	}
	at := r.off
	n, err := r.length("the number of fields")
	if err != nil {
		return nil, err
	}
	if left := len(r.b) - r.off; n > left/minFieldBytes {
		return nil, fail(at, ErrTruncated, "%d fields of %d bytes or more are announced, %d bytes are left", n, minFieldBytes, left)
	}
	m := &Metadata{Rows: rows, Fields: make([]Field, n)}
	for i := range m.Fields {
		if err := decodeMetadataField(r, &m.Fields[i]); err != nil {
			err.Column, err.Name = i, m.Fields[i].Name
			return nil, err
		}
	}
	if left := len(r.b) - r.off; left > 0 {
		return nil, fail(r.off, ErrTrailing, "%d bytes are left", left)
	}
	return m, nil
}

func decodeMetadataField(r *reader, f *Field) (err *DecodeError) {
	if f.Name, err = r.javaText("the name"); err != nil {
		return err
	}
	if f.TypeName, err = r.javaText("the type"); err != nil {
		return err
	}
	f.Type = ParseType(f.TypeName)
	if f.Zone, err = r.javaText("the zone"); err != nil {
		return err
	}
	f.Format, err = r.javaText("the format")
	return err
}

// javaText reads a string as Java's writeUTF writes it: its length in two bytes,
// and modified UTF-8. It is a copy.
func (r *reader) javaText(what string) (string, *DecodeError) {
	if err := r.need(2, what); err != nil {
		return "", err
	}
	n := int(binary.BigEndian.Uint16(r.b[r.off:]))
	r.off += 2
	if err := r.need(n, what); err != nil {
		return "", err
	}
	raw := r.b[r.off : r.off+n]
	// The two special forms of modified UTF-8 are invalid in plain UTF-8, so text that is
	// valid there is plain.
	if utf8.Valid(raw) {
		r.off += n
		return string(raw), nil
	}
	var s strings.Builder
	for i := 0; i < n; {
		char, size := modifiedRune(raw[i:])
		if size == 0 {
			return "", fail(r.off+i, ErrValue, "%s is neither UTF-8 nor Java's modified UTF-8", what)
		}
		s.WriteRune(char)
		i += size
	}
	r.off += n
	return s.String(), nil
}

// modifiedRune reads the first character of text that is not empty and in plain
// or modified UTF-8. A size of 0 means that it is invalid.
func modifiedRune(b []byte) (char rune, size int) {
	if char, size := utf8.DecodeRune(b); char != utf8.RuneError || size > 1 {
		return char, size
	}
	if len(b) >= 2 && b[0] == 0xC0 && b[1] == 0x80 {
		return 0, 2
	}
	high, ok := surrogate(b)
	if !ok {
		return 0, 0
	}
	low, ok := surrogate(b[3:])
	if !ok {
		return 0, 0
	}
	if char := utf16.DecodeRune(high, low); char != utf8.RuneError {
		return char, 6
	}
	return 0, 0
}

// surrogate reads half of a character beyond the basic plane, three bytes.
func surrogate(b []byte) (rune, bool) {
	if len(b) < 3 || b[0] != 0xED || b[1]&0xE0 != 0xA0 || b[2]&0xC0 != 0x80 {
		return 0, false
	}
	return 0xD000 | rune(b[1]&0x3F)<<6 | rune(b[2]&0x3F), true
}
