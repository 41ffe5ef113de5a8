package etcd

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

func TestKeysOfDifferentNamesDifferAndHoldNoSlash(t *testing.T) {
	seen := map[string]string{}
	for _, name := range []string{"", "a", "a/b", "a%2Fb", "a%252Fb", "A/b", "../a", "ü", "\xff\x00", "a b", "a+b", "a?b#c"} {
		key := recordKey(name)
		require.NotContains(t, strings.TrimPrefix(key, recordPrefix), "/", name)
		require.NotContains(t, seen, key)
		seen[key] = name
		require.Equal(t, name, clientID(clientKey("x/y", name)))
	}
	require.False(t, strings.HasPrefix(clientKey("ab", "c"), clientsKey("a")))
}

func TestValueError_ForAValueThatCannotBeDecoded(t *testing.T) {
	for value, want := range map[string]string{
		"":                            "unexpected end",
		"{":                           "unexpected end",
		"[]":                          "cannot unmarshal array",
		"{}":                          "there is no format 0",
		`{"format":-1}`:               "there is no format -1",
		`{"format":"1"}`:              "cannot unmarshal string",
		`{"format":2,"active":7}`:     "it is of a newer format: 2 instead of 1",
		`{"format":1,"active":7}`:     "cannot unmarshal number",
		`{"format":1,"active":"red"}`: "red",
		`{"format":1,"at":"noon"}`:    "noon",
		strings.Repeat(" ", maxValue) + `{"format":1}`: "may have 16384",
	} {
		_, err := decodeRecord(&keyValue{Key: []byte("k"), Value: []byte(value), Version: 3})
		var wrong *ValueError
		require.ErrorAs(t, err, &wrong, value)
		require.Equal(t, "k", wrong.Key)
		require.ErrorContains(t, err, want)
		require.Equal(t, strings.Contains(want, "newer"), errors.Is(err, ErrNewerFormat), value)
	}
}

func TestFieldsThatAreAddedToTheFormatAreIgnored(t *testing.T) {
	record, err := decodeRecord(&keyValue{Value: []byte(`{"format":1,"active":"green","staged":{"share":0.1}}`), Version: 3})
	require.NoError(t, err)
	require.Equal(t, store.Record{Version: 3, Active: fsm.Green}, record)
}

func TestFile_RefusesARecordThatIsTooLong(t *testing.T) {
	_, err := encodeRecord(store.Record{Writer: strings.Repeat("w", maxValue)}, "")
	require.ErrorContains(t, err, "and may take 16384")
}

func FuzzValue(f *testing.F) {
	record, err := encodeRecord(store.Record{Active: fsm.Blue, Announced: fsm.Green, Writer: "w", At: time.Unix(1, 2)}, "s")
	require.NoError(f, err)
	f.Add(record)
	client, err := encodeClient(store.Client{ID: "i", Host: "h", Program: "p", Version: "v", Since: time.Unix(1, 2), Side: fsm.Blue})
	require.NoError(f, err)
	f.Add(client)
	f.Fuzz(func(t *testing.T, value []byte) {
		kv := &keyValue{Key: []byte(clientKey("a", "i")), Value: value, Version: 7}
		var wrong *ValueError
		if record, err := decodeRecord(kv); err != nil {
			require.ErrorAs(t, err, &wrong)
			require.Zero(t, record)
		} else {
			again, err := encodeRecord(record, "s")
			if err != nil { // escaped it is longer, or in UTC its year has five digits
				require.ErrorContains(t, err, "write a record")
				return
			}
			read, err := decodeRecord(&keyValue{Value: again, Version: 7})
			require.NoError(t, err)
			require.True(t, record.At.Equal(read.At))
			record.At, read.At = time.Time{}, time.Time{}
			require.Equal(t, record, read)
		}
		if client, err := decodeClient(kv); err != nil {
			require.ErrorAs(t, err, &wrong)
			require.Zero(t, client)
		} else {
			require.Equal(t, "i", client.ID)
		}
	})
}
