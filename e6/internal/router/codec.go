package router

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

// A codec writes the fields of a value to a record, reads them from one, or describes them
// as text. A type has one method fields for all three, so that they cannot differ:
//
//	func (m *refused) fields(c *codec) { c.side("side", &m.side); c.stamp("at", &m.at) }
//
// A writing codec only reads the fields: other goroutines may read them at the same time.
//
// Numbers are varints. A text has its length first. There are no field numbers: a change of
// a method fields needs a new RecordVersion.
type codec struct {
	mode codecMode
	data []byte          // to which a writing codec appends; what is left for a reading one
	text strings.Builder // of a describing codec
	err  error           // of a reading codec: the first one

	rt    *Router  // for the verdicts and texts of errors; may be nil when reading
	known entities // of a reading codec
}

type codecMode uint8

const (
	writing codecMode = iota
	reading
	describing
)

// errShort is the error of a record that ends within a field.
var errShort = errors.New("the record is cut off")

// describe appends a field to the text.
func (c *codec) describe(name, value string) {
	if value == "" {
		return
	}
	if c.text.Len() > 0 {
		c.text.WriteByte(' ')
	}
	c.text.WriteString(name)
	c.text.WriteByte('=')
	if strings.ContainsAny(value, " \t\n\"=") {
		value = strconv.Quote(value)
	}
	c.text.WriteString(value)
}

func (c *codec) uint(name string, v *uint64) {
	switch c.mode {
	case writing:
		c.data = binary.AppendUvarint(c.data, *v)
	case describing:
		c.describe(name, strconv.FormatUint(*v, 10))
	default:
		n := 0
		if *v, n = binary.Uvarint(c.data); n <= 0 {
			c.fail(errShort)
			*v, n = 0, 0
		}
		c.data = c.data[n:]
	}
}

// fail stores the first error of a reading codec. The other fields are zero then.
func (c *codec) fail(err error) {
	if c.err == nil {
		c.err = err
	}
	c.data = nil
}

func (c *codec) int(name string, v *int64) {
	if c.mode == describing {
		c.describe(name, strconv.FormatInt(*v, 10))
		return
	}
	u := uint64(*v)<<1 ^ uint64(*v>>63)
	if c.uint(name, &u); c.mode == reading {
		*v = int64(u>>1) ^ -int64(u&1)
	}
}

func (c *codec) count(name string, v *int) {
	n := int64(*v)
	if c.int(name, &n); c.mode == reading {
		*v = int(n)
	}
}

func (c *codec) duration(name string, v *time.Duration) {
	if c.mode == describing {
		c.describe(name, v.String())
		return
	}
	c.int(name, (*int64)(v))
}

func (c *codec) float(name string, v *float64) {
	if c.mode == describing {
		c.describe(name, strconv.FormatFloat(*v, 'g', -1, 64))
		return
	}
	bits := math.Float64bits(*v)
	if c.uint(name, &bits); c.mode == reading {
		*v = math.Float64frombits(bits)
	}
}

func (c *codec) bool(name string, v *bool) {
	if c.mode == describing {
		if *v {
			c.describe(name, "true")
		}
		return
	}
	var n uint64
	if *v {
		n = 1
	}
	if c.uint(name, &n); c.mode == reading {
		*v = n != 0
	}
}

// text is a field of any type of text.
func text[T ~string](c *codec, name string, v *T) {
	switch c.mode {
	case writing:
		c.data = binary.AppendUvarint(c.data, uint64(len(*v)))
		c.data = append(c.data, *v...)
	case describing:
		c.describe(name, string(*v))
	default:
		var n uint64
		c.uint(name, &n)
		if n > uint64(len(c.data)) {
			c.fail(errShort)
			n = 0
		}
		*v = T(c.data[:n])
		c.data = c.data[n:]
	}
}

// blob is a field of bytes.
func blob(c *codec, v *[]byte) {
	s := string(*v)
	if text(c, "", &s); c.mode == reading {
		*v = []byte(s)
	}
}

// small is a number of one byte: a side, a phase, a state.
func small[T ~uint8](c *codec, name string, v *T) {
	if c.mode == describing {
		c.describe(name, fmt.Sprint(*v))
		return
	}
	n := uint64(*v)
	if c.uint(name, &n); c.mode == reading {
		if *v = T(n); uint64(*v) != n {
			c.fail(fmt.Errorf("%s is %d", name, n))
		}
	}
}

// side leaves out a side that is not set from a text.
func (c *codec) side(name string, v *fsm.Side) {
	if c.mode == describing && *v == fsm.None {
		return
	}
	if small(c, name, v); c.mode == reading && *v > fsm.Green {
		c.fail(&fsm.SideError{Name: v.String()}) // a side is an index
		*v = fsm.None
	}
}

// time is a wall clock time, without the reading of the monotonic clock.
func (c *codec) time(name string, v *time.Time) {
	if c.mode == describing {
		c.describe(name, stampOf(*v))
		return
	}
	set := !v.IsZero()
	c.bool(name, &set)
	if !set {
		if c.mode == reading {
			*v = time.Time{}
		}
		return
	}
	seconds, nanoseconds := v.Unix(), int64(v.Nanosecond())
	c.int(name, &seconds)
	c.int(name, &nanoseconds)
	if c.mode == reading {
		*v = time.Unix(seconds, nanoseconds)
	}
}

// stampOf is the text of a time in decisions, and empty for the zero Time.
func stampOf(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func (c *codec) stamp(name string, v *Stamp) {
	c.uint(name+".epoch", &v.Epoch)
	c.uint(name+".transition", &v.Transition)
}

func (c *codec) cause(name string, v *fsm.Cause) {
	text(c, name, &v.Reason)
	text(c, name+".detail", &v.Detail)
	c.trace(name+".trace", &v.Trace)
}

func (c *codec) trace(name string, v *trace.SpanContext) {
	if c.mode == describing {
		if v.IsValid() {
			c.describe(name, v.TraceID().String()+"-"+v.SpanID().String())
		}
		return
	}
	set := v.IsValid()
	c.bool(name, &set)
	if !set {
		return
	}
	id, span, flags, remote := v.TraceID(), v.SpanID(), v.TraceFlags(), v.IsRemote()
	c.bytes(id[:])
	c.bytes(span[:])
	small(c, name, &flags)
	c.bool(name, &remote)
	if c.mode == reading {
		*v = trace.NewSpanContext(trace.SpanContextConfig{TraceID: id, SpanID: span, TraceFlags: flags, Remote: remote})
	}
}

// bytes is a field of a fixed length.
func (c *codec) bytes(v []byte) {
	if c.mode == writing {
		c.data = append(c.data, v...)
		return
	}
	if len(v) > len(c.data) {
		c.fail(errShort)
		return
	}
	c.data = c.data[copy(v, c.data):]
}

// optional is a field that may be nil.
func optional[T any](c *codec, name string, v **T, fields func(*T)) {
	set := *v != nil
	if c.mode != describing {
		c.bool(name, &set)
	}
	if c.mode == reading {
		if *v = nil; set {
			*v = new(T)
		}
	}
	if set {
		fields(*v)
	}
}

// A recordedError is an error in a record: its text as Config.Describe gives it, which has
// no text of the server, and what the router concludes from it.
type recordedError struct {
	text    string
	verdict Verdict
	timeout bool // it is context.DeadlineExceeded
}

func newRecordedError(err error, text string, verdict Verdict) *recordedError {
	return &recordedError{text, verdict, errors.Is(err, context.DeadlineExceeded)}
}

// Error implements error.
func (e *recordedError) Error() string { return e.text }

// Is implements the interface of errors.Is.
func (e *recordedError) Is(target error) bool {
	return e.timeout && target == context.DeadlineExceeded
}

// error is the error of a call to a side.
func (c *codec) error(name string, v *error) {
	var e *recordedError
	if *v != nil && c.mode != reading {
		e = c.rt.recorded(*v)
	}
	optional(c, name, &e, func(e *recordedError) {
		text(c, name, &e.text)
		small(c, name+".verdict", &e.verdict)
		c.bool(name+".timeout", &e.timeout)
	})
	if c.mode == reading {
		if *v = nil; e != nil {
			*v = e
		}
	}
}

func (c *codec) veto(v *store.Veto) {
	small(c, "veto", &v.Side) // a store may hold any number
	text(c, "veto.writer", &v.Writer)
	c.bool("veto.directive", &v.Directive)
	text(c, "veto.reason", &v.Reason)
	c.time("veto.at", &v.At)
	c.time("veto.until", &v.Until)
}

func (c *codec) record(v *store.Record) {
	c.uint("version", &v.Version)
	small(c, "active", &v.Active) // a store may hold any number
	small(c, "announced", &v.Announced)
	c.uint("epoch", &v.Epoch)
	text(c, "writer", &v.Writer)
	c.time("at", &v.At)
	list(c, &v.Vetoes, c.veto)
}

// list is a field with any number of values.
func list[T any](c *codec, v *[]T, fields func(*T)) {
	n := uint64(len(*v))
	if c.mode != describing {
		c.uint("", &n)
	}
	if c.mode == reading {
		if n > uint64(len(c.data)) { // each value has one byte at least
			c.fail(errShort)
			n = 0
		}
		*v = nil
		if n > 0 {
			*v = make([]T, n)
		}
	}
	for i := range *v {
		fields(&(*v)[i])
	}
}
