package etcd

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

type keyValue = mvccpb.KeyValue

const (
	// format is the version of the values' form. A change that older readers must
	// not misread has a higher one; fields that they may ignore do not need it.
	format = 1
	// maxValue limits a value, in bytes, before anything is made of it.
	maxValue = 16 << 10
)

// ErrNewerFormat is in a ValueError if a newer version of this package wrote the
// value: update this program.
var ErrNewerFormat = errors.New("it is of a newer format")

// ValueError is returned for a key whose value this package cannot decode.
// Nothing is overwritten then. If no other program uses the key, delete it.
type ValueError struct {
	Key string // without the namespace
	Err error
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("etcd: cannot read the value of key %.200q: %v", e.Key, e.Err)
}

// Unwrap returns the cause.
func (e *ValueError) Unwrap() error { return e.Err }

// recordValue is the JSON form of a record. Its version is etcd's version of
// its key, so that the two can never contradict each other.
type recordValue struct {
	Format    int          `json:"format"`
	Active    fsm.Side     `json:"active"`
	Announced fsm.Side     `json:"announced"`
	Epoch     uint64       `json:"epoch"`
	Vetoes    []store.Veto `json:"vetoes,omitempty"`
	Writer    string       `json:"writer"`
	At        time.Time    `json:"at"`
	Swap      string       `json:"swap"` // random, and of this one swap
}

func encodeRecord(f store.Record, swap string) ([]byte, error) {
	return encode(recordValue{format, f.Active, f.Announced, f.Epoch, f.Vetoes, f.Writer, f.At.UTC(), swap}, "a record")
}

func decodeRecord(kv *keyValue) (store.Record, error) {
	var v recordValue
	if err := decode(kv, &v); err != nil {
		return store.Record{}, err
	}
	return store.Record{
		Version: uint64(kv.Version), Active: v.Active, Announced: v.Announced, Epoch: v.Epoch, Vetoes: v.Vetoes,
		Writer: v.Writer, At: v.At,
	}, nil
}

// clientValue is the form of a client's presence.
type clientValue struct {
	Format  int       `json:"format"`
	Host    string    `json:"host"`
	Program string    `json:"program"`
	Version string    `json:"version"`
	Since   time.Time `json:"since"`
	Side    fsm.Side  `json:"side"`
	State   string    `json:"state"` // as text: older readers ignore a state that they do not know
	// Older writers leave these two out.
	InFlight int64  `json:"in_flight,omitempty"`
	Seen     uint64 `json:"seen,omitempty"`
}

func encodeClient(c store.Client) ([]byte, error) {
	return encode(clientValue{format, c.Host, c.Program, c.Version, c.Since.UTC(), c.Side, c.State.String(), c.InFlight, c.Seen}, "a client")
}

func decodeClient(kv *keyValue) (store.Client, error) {
	var v clientValue
	if err := decode(kv, &v); err != nil {
		return store.Client{}, err
	}
	c := store.Client{
		ID: clientID(string(kv.Key)), Host: v.Host, Program: v.Program, Version: v.Version, Since: v.Since, Side: v.Side,
		InFlight: v.InFlight, Seen: v.Seen,
	}
	_ = c.State.UnmarshalText([]byte(v.State))
	return c, nil
}

func encode(v any, what string) ([]byte, error) {
	value, err := json.Marshal(v)
	if err == nil && len(value) > maxValue {
		err = fmt.Errorf("it takes %d bytes and may take %d", len(value), maxValue)
	}
	if err != nil {
		return nil, fmt.Errorf("etcd: write %s: %w", what, err)
	}
	return value, nil
}

// decode reads the format before the rest: a newer value may be of any form.
func decode(kv *keyValue, into any) error {
	wrong := func(err error) error { return &ValueError{Key: string(kv.Key), Err: err} }
	if len(kv.Value) > maxValue {
		return wrong(fmt.Errorf("it has %d bytes and may have %d", len(kv.Value), maxValue))
	}
	var head struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(kv.Value, &head); err != nil {
		return wrong(err)
	}
	if head.Format > format {
		return wrong(fmt.Errorf("%w: %d instead of %d", ErrNewerFormat, head.Format, format))
	}
	if head.Format != format {
		return wrong(fmt.Errorf("there is no format %d", head.Format))
	}
	if err := json.Unmarshal(kv.Value, into); err != nil {
		return wrong(err)
	}
	return nil
}
