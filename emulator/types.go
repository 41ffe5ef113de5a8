package emulator

import (
	"fmt"
	"strconv"
	"unsafe"

	"github.com/duckdb/duckdb-go/v2/mapping"

	"github.com/e6data/e6data-go/e6/vector"
)

// valueType describes a type of DuckDB as far as reading its values needs it.
type valueType struct {
	id mapping.Type
	// stored is the integer that a DECIMAL or an ENUM is kept in.
	stored mapping.Type
	// scale belongs to DECIMAL, length to ARRAY.
	scale, length int
	// names holds the words of an ENUM and the field names of STRUCT and UNION.
	names []string
	// children holds the element of LIST and ARRAY, key and value of MAP, the
	// fields of STRUCT and the members of UNION.
	children []*valueType
	// json is set for a VARCHAR that is JSON already.
	json bool
}

// wireTypes maps a type of DuckDB to the vector that carries it. A type that is missing
// here cannot be sent.
var wireTypes = map[mapping.Type]vector.Type{
	mapping.TypeSQLNull:     vector.Null,
	mapping.TypeBoolean:     vector.Boolean,
	mapping.TypeTinyInt:     vector.Integer,
	mapping.TypeUTinyInt:    vector.Integer,
	mapping.TypeSmallInt:    vector.Integer,
	mapping.TypeUSmallInt:   vector.Integer,
	mapping.TypeInteger:     vector.Integer,
	mapping.TypeUInteger:    vector.Long,
	mapping.TypeBigInt:      vector.Long,
	mapping.TypeUBigInt:     vector.Decimal128,
	mapping.TypeHugeInt:     vector.Decimal128,
	mapping.TypeUHugeInt:    vector.Decimal128,
	mapping.TypeDecimal:     vector.Decimal128,
	mapping.TypeFloat:       vector.Float,
	mapping.TypeDouble:      vector.Double,
	mapping.TypeVarchar:     vector.String,
	mapping.TypeEnum:        vector.String,
	mapping.TypeUUID:        vector.String,
	mapping.TypeTime:        vector.String,
	mapping.TypeTimeTZ:      vector.String,
	mapping.TypeInterval:    vector.String,
	mapping.TypeBit:         vector.String,
	mapping.TypeBlob:        vector.Binary,
	mapping.TypeDate:        vector.Date,
	mapping.TypeTimestamp:   vector.Datetime,
	mapping.TypeTimestampS:  vector.Datetime,
	mapping.TypeTimestampMS: vector.Datetime,
	mapping.TypeTimestampNS: vector.Datetime,
	mapping.TypeTimestampTZ: vector.TimestampTZ,
	mapping.TypeList:        vector.Array,
	mapping.TypeArray:       vector.Array,
	mapping.TypeMap:         vector.Map,
	mapping.TypeStruct:      vector.Struct,
	mapping.TypeUnion:       vector.Struct,
}

// wire returns the type of the vector that carries values of t.
func (t *valueType) wire() vector.Type { return wireTypes[t.id] }

// newValueType reads lt, which stays the caller's.
func newValueType(lt mapping.LogicalType) (*valueType, error) {
	t := &valueType{id: mapping.GetTypeId(lt)}
	if _, ok := wireTypes[t.id]; !ok {
		return nil, fmt.Errorf("its type (number %d in duckdb) has no counterpart in the protocol: cast it to VARCHAR", t.id)
	}
	var err error
	switch t.id {
	case mapping.TypeVarchar:
		t.json = mapping.LogicalTypeGetAlias(lt) == "JSON"
	case mapping.TypeDecimal:
		t.scale = int(mapping.DecimalScale(lt))
		t.stored = mapping.DecimalInternalType(lt)
	case mapping.TypeEnum:
		t.stored = mapping.EnumInternalType(lt)
		t.names = make([]string, mapping.EnumDictionarySize(lt))
		for i := range t.names {
			t.names[i] = mapping.EnumDictionaryValue(lt, mapping.IdxT(i))
		}
	case mapping.TypeList:
		err = t.addChild(mapping.ListTypeChildType(lt))
	case mapping.TypeArray:
		t.length = int(mapping.ArrayTypeArraySize(lt))
		err = t.addChild(mapping.ArrayTypeChildType(lt))
	case mapping.TypeMap:
		if err = t.addChild(mapping.MapTypeKeyType(lt)); err == nil {
			err = t.addChild(mapping.MapTypeValueType(lt))
		}
	case mapping.TypeStruct:
		for i := mapping.IdxT(0); i < mapping.StructTypeChildCount(lt) && err == nil; i++ {
			t.names = append(t.names, mapping.StructTypeChildName(lt, i))
			err = t.addChild(mapping.StructTypeChildType(lt, i))
		}
	case mapping.TypeUnion:
		for i := mapping.IdxT(0); i < mapping.UnionTypeMemberCount(lt) && err == nil; i++ {
			t.names = append(t.names, mapping.UnionTypeMemberName(lt, i))
			err = t.addChild(mapping.UnionTypeMemberType(lt, i))
		}
	}
	return t, err
}

// addChild appends the child of that type, which it frees.
func (t *valueType) addChild(lt mapping.LogicalType) error {
	defer mapping.DestroyLogicalType(&lt)
	child, err := newValueType(lt)
	t.children = append(t.children, child)
	return err
}

// shortName returns the name that e6data's catalog has for a type of DuckDB.
// A type that the protocol cannot carry is "other".
func shortName(lt mapping.LogicalType) string {
	t, err := newValueType(lt)
	if err != nil {
		return "other"
	}
	switch t.id {
	case mapping.TypeTinyInt:
		return "byte"
	case mapping.TypeSmallInt, mapping.TypeUTinyInt:
		return "short"
	case mapping.TypeUBigInt:
		return "decimal(20,0)"
	case mapping.TypeDecimal:
		return "decimal(" + strconv.Itoa(int(mapping.DecimalWidth(lt))) + "," + strconv.Itoa(t.scale) + ")"
	case mapping.TypeHugeInt, mapping.TypeUHugeInt:
		return "decimal(38,0)"
	}
	return shortNames[t.wire()]
}

var shortNames = map[vector.Type]string{
	vector.Null: "null", vector.Boolean: "bool", vector.Integer: "int", vector.Long: "long",
	vector.Float: "float", vector.Double: "double", vector.String: "string", vector.Binary: "binary",
	vector.Date: "date", vector.Datetime: "timestamp", vector.TimestampTZ: "timestamp_tz",
	vector.Array: "array", vector.Map: "map", vector.Struct: "struct",
}

// view gives access to the values of one vector of DuckDB. It is valid as long
// as the chunk that the vector belongs to.
type view struct {
	t *valueType
	// data points to the values in DuckDB's own layout.
	data unsafe.Pointer
	// valid has a bit for every row, unset for a null; nil means no nulls.
	valid unsafe.Pointer
	// tags is the discriminator of a UNION.
	tags     *view
	children []view
}

func newView(t *valueType, vec mapping.Vector) view {
	v := view{t: t, data: mapping.VectorGetData(vec), valid: mapping.VectorGetValidity(vec)}
	switch t.id {
	case mapping.TypeList:
		v.children = []view{newView(t.children[0], mapping.ListVectorGetChild(vec))}
	case mapping.TypeArray:
		v.children = []view{newView(t.children[0], mapping.ArrayVectorGetChild(vec))}
	case mapping.TypeMap:
		// A map is kept as a list of structs with two fields.
		entries := mapping.ListVectorGetChild(vec)
		v.children = structViews(t, entries, 0)
	case mapping.TypeStruct:
		v.children = structViews(t, vec, 0)
	case mapping.TypeUnion:
		tags := newView(&valueType{id: mapping.TypeUTinyInt}, mapping.StructVectorGetChild(vec, 0))
		v.tags = &tags
		v.children = structViews(t, vec, 1)
	}
	return v
}

// structViews returns the views of the children of a struct vector, from the
// child with number first on.
func structViews(t *valueType, vec mapping.Vector, first int) []view {
	views := make([]view, len(t.children))
	for i, child := range t.children {
		views[i] = newView(child, mapping.StructVectorGetChild(vec, mapping.IdxT(first+i)))
	}
	return views
}

// null reports whether the value of a row is null.
func (v *view) null(row int) bool {
	if v.valid == nil {
		return false
	}
	word := *(*uint64)(unsafe.Add(v.valid, row/64*8))
	return word&(1<<(row%64)) == 0
}

// at reads the value of a row as it is stored. T must have the size of the
// vector's values.
func at[T any](v *view, row int) T {
	return *(*T)(unsafe.Add(v.data, uintptr(row)*unsafe.Sizeof(*new(T))))
}

// The layouts of DuckDB's C interface (duckdb.h).
type (
	hugeint  struct{ lower, upper uint64 }
	interval struct {
		months, days int32
		micros       int64
	}
	listEntry struct{ offset, length uint64 }
)

// inlineText is the greatest length of a string that DuckDB keeps within its
// 16 byte header instead of behind a pointer.
const inlineText = 12

// text returns the string or the bytes of a row without copying them.
func (v *view) text(row int) string {
	header := unsafe.Add(v.data, row*16)
	length := *(*uint32)(header)
	if length <= inlineText {
		return unsafe.String((*byte)(unsafe.Add(header, 4)), length)
	}
	return unsafe.String(*(**byte)(unsafe.Add(header, 8)), length)
}

// small reads an integer that fits into 64 bits with its sign.
func (v *view) small(id mapping.Type, row int) int64 {
	switch id {
	case mapping.TypeTinyInt:
		return int64(at[int8](v, row))
	case mapping.TypeUTinyInt:
		return int64(at[uint8](v, row))
	case mapping.TypeSmallInt:
		return int64(at[int16](v, row))
	case mapping.TypeUSmallInt:
		return int64(at[uint16](v, row))
	case mapping.TypeInteger:
		return int64(at[int32](v, row))
	case mapping.TypeUInteger:
		return int64(at[uint32](v, row))
	}
	return at[int64](v, row)
}

// big reads an integer of any size as two's complement of 128 bits. Of a
// UHUGEINT beyond them it returns false.
func (v *view) big(id mapping.Type, row int) (hugeint, bool) {
	switch id {
	case mapping.TypeHugeInt:
		return at[hugeint](v, row), true
	case mapping.TypeUHugeInt:
		h := at[hugeint](v, row)
		return h, h.upper>>63 == 0
	case mapping.TypeUBigInt:
		return hugeint{lower: at[uint64](v, row)}, true
	}
	n := v.small(id, row)
	return hugeint{lower: uint64(n), upper: uint64(n >> 63)}, true
}
