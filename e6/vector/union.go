package vector

import "slices"

// member is the number of a member of the data union, 0 for none.
type member int16

const (
	boolData            member = 1
	int32Data           member = 2
	int64Data           member = 3
	dateData            member = 4
	float32Data         member = 5
	float64Data         member = 6
	varcharData         member = 7
	boolConstant        member = 8
	dateConstant        member = 9
	nullConstant        member = 10
	numericConstant     member = 11
	floatConstant       member = 12
	intervalConstant    member = 13
	timeConstant        member = 14
	varcharConstant     member = 15
	timeData            member = 16
	decimalData         member = 17
	decimalConstant     member = 18
	lastMember          member = decimalConstant
	unknownMember       member = 0
	unionPayloadField          = 1
	unionCompanionField        = 2
)

// payload is the form of a member's field 1.
type payload uint8

const (
	payloadBools payload = iota
	payloadInt32s
	payloadInt64s
	payloadFloats
	payloadStrings
	payloadBool
	payloadByte
	payloadInt64
	payloadFloat
	payloadString
)

// companion is the form of a member's field 2.
type companion uint8

const (
	companionNone companion = iota
	companionZones
	companionZone
	companionScale
)

// members describes the union: the name of each member for messages, the form
// of its fields, whether it belongs to constant vectors, and the types of those.
var members = [lastMember + 1]struct {
	name      string
	payload   payload
	companion companion
	constant  bool
	types     []Type
}{
	unknownMember:    {name: "no known data"},
	boolData:         {"boolData", payloadBools, companionNone, false, []Type{Boolean}},
	int32Data:        {"int32Data", payloadInt32s, companionNone, false, []Type{Integer}},
	int64Data:        {"int64Data", payloadInt64s, companionNone, false, []Type{Long, Timestamp, Int96}},
	dateData:         {"dateData", payloadInt64s, companionNone, false, []Type{Date}},
	float32Data:      {"float32Data", payloadFloats, companionNone, false, []Type{Float}},
	float64Data:      {"float64Data", payloadFloats, companionNone, false, []Type{Double}},
	varcharData:      {"varcharData", payloadStrings, companionNone, false, []Type{String, Binary, Array, Map, Struct}},
	boolConstant:     {"boolConstantData", payloadBool, companionNone, true, []Type{Boolean}},
	dateConstant:     {"dateConstantData", payloadInt64, companionNone, true, []Type{Date}},
	nullConstant:     {"nullConstantData", payloadByte, companionNone, true, []Type{Null}},
	numericConstant:  {"numericConstantData", payloadInt64, companionNone, true, []Type{Long, Integer, Timestamp, Int96}},
	floatConstant:    {"numericDecimalConstantData", payloadFloat, companionNone, true, []Type{Double, Float}},
	intervalConstant: {"temporalIntervalConstantData", payloadByte, companionNone, true, nil},
	timeConstant:     {"timeConstantData", payloadInt64, companionZone, true, []Type{Datetime, Timestamp, TimestampTZ, Int96}},
	varcharConstant:  {"varcharConstantData", payloadString, companionNone, true, []Type{String, Binary, Array, Map, Struct}},
	timeData:         {"timeData", payloadInt64s, companionZones, false, []Type{Datetime, Timestamp, TimestampTZ, Int96}},
	decimalData:      {"decimal128Data", payloadStrings, companionScale, false, []Type{Decimal128}},
	decimalConstant:  {"numericDecimal128ConstantData", payloadString, companionScale, true, []Type{Decimal128}},
}

// String returns the member's name in the protocol.
func (k member) String() string { return members[k].name }

// fits reports whether a vector of that type may have the member. A NULL vector
// has a constant's member even where it is not marked as a constant.
func (k member) fits(t Type, constant bool) bool {
	m := &members[k]
	return (m.constant == constant || t == Null) && slices.Contains(m.types, t)
}

// decodeUnion reads the data of a vector into the column's slices.
func (c *Column) decodeUnion(r *reader, p *parts) *DecodeError {
	for {
		at := r.off
		wire, id, err := r.field()
		if err != nil {
			return err
		}
		if wire == wireStop {
			return nil
		}
		k := member(id)
		if k < 1 || k > lastMember {
			if err := r.skip(wire, 0); err != nil {
				return err
			}
			continue
		}
		if p.kind != unknownMember {
			return fail(at, ErrUnion, "the data is both %v and %v", p.kind, k)
		}
		if wire != wireStruct {
			return fail(at, ErrType, "%v has the wire type %d, not %d", k, wire, wireStruct)
		}
		p.kind = k
		if err := c.decodeMember(r, p); err != nil {
			return err
		}
	}
}

// decodeMember reads the struct of one member.
func (c *Column) decodeMember(r *reader, p *parts) *DecodeError {
	m := &members[p.kind]
	begin := r.off
	var filled, accompanied bool
	for {
		at := r.off
		wire, id, err := r.field()
		if err != nil {
			return err
		}
		switch {
		case wire == wireStop:
			if !filled {
				return fail(begin, ErrField, "%v is empty", p.kind)
			}
			return nil
		case id == unionPayloadField:
			if err = r.once(&filled, at, wire, payloadWires[m.payload], m.name); err == nil {
				err = c.decodePayload(r, m.payload, m.name)
			}
		case id == unionCompanionField && m.companion != companionNone:
			if err = r.once(&accompanied, at, wire, companionWires[m.companion], "field 2 of the data"); err == nil {
				err = c.decodeCompanion(r, m.companion, p)
			}
		default:
			err = r.skip(wire, 0)
		}
		if err != nil {
			return err
		}
	}
}

var payloadWires = [...]byte{
	payloadBools: wireList, payloadInt32s: wireList, payloadInt64s: wireList,
	payloadFloats: wireList, payloadStrings: wireList,
	payloadBool: wireBool, payloadByte: wireByte, payloadInt64: wireI64,
	payloadFloat: wireDouble, payloadString: wireString,
}

var companionWires = [...]byte{
	companionZones: wireList, companionZone: wireString, companionScale: wireI32,
}
