package recorder

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/internal/router"
)

// The kinds of records that the router does not write.
const (
	recordEvent byte = 64 + iota
	recordQuery
)

// An Entry is one record of a recording.
type Entry struct {
	// Time is when it was written. That of a Query is its end.
	Time time.Time
	// Seq is its number in the file, from 1: it grows in the order of writing, also if the
	// clock is set, and over all processes that have written. It is 0 for an Entry that was
	// not read from a recording.
	Seq uint64
	// Data is a Start, a Checkpoint, a Step, a fsm.Transition, an Event or a Query.
	Data any
	// data is the content of a record of the router.
	data []byte
	lane int
}

// Start is the first entry of a client: its router has started.
type Start struct{}

// Checkpoint is the state of the router, from which a replay can start.
type Checkpoint struct{}

// Step is a message that the router has applied, and what it decided.
type Step struct {
	// Message is the name of the message, and Fields its fields as text.
	Message string `json:"message"`
	Fields  string `json:"fields,omitempty"`
	// Decisions are what the router decided, in order: steps of the strategy machine,
	// the routing of new queries, timers, tasks, events.
	Decisions []string `json:"decisions,omitempty"`
}

// Event is an event of the client, as events.Event.Attrs gives it.
type Event struct {
	// Kind is the kind of the event.
	Kind events.Kind `json:"event"`
	// Attrs are the attributes of its log record.
	Attrs map[string]any `json:"attrs"`
}

// Query is the outcome of a query.
type Query struct {
	// ID is the hash of the query id, or the id: see PlainQueryIDs. It is empty if the
	// engine gave none.
	ID string `json:"id,omitempty"`
	// Side is where the query ran last, and fsm.None if no side was found.
	Side fsm.Side `json:"side"`
	// Took is the duration of the query, in nanoseconds in JSON.
	Took time.Duration `json:"took"`
	// Rows, Batches and Bytes are what the client received.
	Rows    int64 `json:"rows"`
	Batches int64 `json:"batches"`
	Bytes   int64 `json:"bytes"`
	// Retries, Replays and Continued count the repetitions, as in hook.QueryEnd.
	Retries   int `json:"retries,omitempty"`
	Replays   int `json:"replays,omitempty"`
	Continued int `json:"continued,omitempty"`
	// Lost is set if the query was cut off, and was not replayed or continued.
	Lost bool `json:"lost,omitempty"`
	// Code is the gRPC code of its error, and OK for success.
	Code codes.Code `json:"code"`
}

// Outcome is lost, failed, continued, replayed, retried or ok.
func (q Query) Outcome() string {
	switch {
	case q.Lost:
		return "lost"
	case q.Code != codes.OK:
		return "failed"
	case q.Continued > 0:
		return "continued"
	case q.Replays > 0:
		return "replayed"
	case q.Retries > 0:
		return "retried"
	}
	return "ok"
}

// HashQueryID is the hash of a query id in a recording: the first 8 bytes of its SHA-256 in
// hexadecimal. It is empty for an empty id.
func HashQueryID(id string) string { return string(appendHash(nil, id)) }

// appendHash appends the hash of a query id. It allocates nothing for an id of up to 64 bytes.
func appendHash(to []byte, id string) []byte {
	if id == "" {
		return to
	}
	var buffer [64]byte
	sum := sha256.Sum256(append(buffer[:0], id...))
	return hex.AppendEncode(to, sum[:8])
}

// appendQueryID appends a query id as it is recorded.
func (r *Recorder) appendQueryID(to []byte, id string) []byte {
	if r.plain {
		return append(to, id...)
	}
	return appendHash(to, id)
}

// storedEvent is an Event in a record.
type storedEvent struct {
	Time time.Time `json:"time"`
	Event
}

// eventRecord is the record of an event. Only attributes of the event itself are in it.
func (r *Recorder) eventRecord(e events.Event) []byte {
	s := storedEvent{Time: e.Time, Event: Event{Kind: e.Kind(), Attrs: make(map[string]any)}}
	for _, a := range e.Attrs() {
		switch a.Key {
		case "event", "component", "address", "cluster":
		case "query_id":
			s.Attrs[a.Key] = string(r.appendQueryID(nil, a.Value.String()))
		default:
			s.Attrs[a.Key] = a.Value.Any()
		}
	}
	text, err := json.Marshal(s)
	if err != nil {
		text, _ = json.Marshal(storedEvent{Time: e.Time, Event: Event{Kind: e.Kind(), Attrs: map[string]any{"error": err.Error()}}})
	}
	return append([]byte{recordEvent}, text...)
}

// appendQuery appends the record of a query.
func (r *Recorder) appendQuery(to []byte, at time.Time, e hook.QueryEnd) []byte {
	var lost uint64
	if e.Lost {
		lost = 1
	}
	to = append(to, recordQuery)
	to = binary.AppendVarint(to, at.UnixNano())
	for _, n := range []uint64{
		uint64(e.Side), uint64(e.Took), uint64(e.Rows), uint64(e.Batches), uint64(e.Bytes),
		uint64(e.Retries), uint64(e.Replays), uint64(e.Continued), lost, uint64(e.Code),
	} {
		to = binary.AppendUvarint(to, n)
	}
	return r.appendQueryID(to, e.QueryID)
}

// errRecord is the error of a record that no recorder has written.
var errRecord = errors.New("the record is malformed")

// parseEntry reads a record.
func parseEntry(record []byte) (e Entry, err error) {
	if len(record) == 0 {
		return e, errRecord
	}
	kind, data := record[0], record[1:]
	switch kind {
	case router.RecordStart, router.RecordCheckpoint:
		e.data = data
		if e.Data = any(Checkpoint{}); kind == router.RecordStart {
			e.Data = Start{}
		}
		e.Time, err = router.CheckpointTime(data)
	case router.RecordStep:
		s, err := router.ReadStep(data)
		return Entry{Time: s.At, Data: Step{s.Message, s.Fields, s.Decisions}, data: data}, err
	case router.RecordTransition:
		t, err := router.ReadTransition(data)
		return Entry{Time: t.At, Data: t}, err
	case recordEvent:
		var s storedEvent
		err = json.Unmarshal(data, &s)
		e.Time, e.Data = s.Time, s.Event
	case recordQuery:
		return parseQuery(data)
	default:
		err = fmt.Errorf("%w: unknown kind %d", errRecord, kind)
	}
	return e, err
}

func parseQuery(data []byte) (Entry, error) {
	at, n := binary.Varint(data)
	if n <= 0 {
		return Entry{}, errRecord
	}
	data = data[n:]
	var v [10]uint64
	for i := range v {
		if v[i], n = binary.Uvarint(data); n <= 0 {
			return Entry{}, errRecord
		}
		data = data[n:]
	}
	return Entry{Time: time.Unix(0, at), Data: Query{
		Side: fsm.Side(v[0]), Took: time.Duration(v[1]), Rows: int64(v[2]), Batches: int64(v[3]), Bytes: int64(v[4]),
		Retries: int(v[5]), Replays: int(v[6]), Continued: int(v[7]), Lost: v[8] != 0, Code: codes.Code(v[9]), ID: string(data),
	}}, nil
}
