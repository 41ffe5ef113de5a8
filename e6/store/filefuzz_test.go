package store_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

// FuzzFile reads files of any content. A record that is read can be written
// again, and the next record that is written is the one that is read then.
func FuzzFile(f *testing.F) {
	var slots [][]byte
	for _, record := range []store.Record{
		{Version: 1, Active: fsm.Blue, Writer: "w"},
		{Version: 2, Active: fsm.Blue, Announced: fsm.Green, At: time.Unix(1_700_000_000, 5)},
	} {
		slot, _, err := store.EncodeSlot(record)
		require.NoError(f, err)
		slots = append(slots, slot)
	}
	f.Add([]byte{}, []byte{})
	f.Add(slots[0], []byte{})
	f.Add(slots[0], slots[1])
	f.Add(slots[1], slots[0][:40])
	f.Fuzz(func(t *testing.T, first, second []byte) {
		image := make([]byte, store.FileSize)
		copy(image[:store.SlotSize], first)
		copy(image[store.SlotSize:], second)
		record, free := store.ParseFile(image)
		for _, side := range []fsm.Side{record.Active, record.Announced} {
			require.True(t, side == fsm.None || side.Valid())
		}
		if record.Version == 0 {
			require.Zero(t, record)
		}
		kept := image[(1-free)*store.SlotSize:][:store.SlotSize]
		again, _ := store.ParseFile(append(make([]byte, store.SlotSize), kept...))
		require.Equal(t, record, again, "the record is in the slot that is kept")
		if record.Version > 0 {
			require.Equal(t, record.Version, binary.LittleEndian.Uint64(kept[8:]))
			require.LessOrEqual(t, record.Version, uint64(store.MaxVersion))
		}

		record.Version++
		slot, written, err := store.EncodeSlot(record)
		if err != nil {
			require.ErrorContains(t, err, "store: ")
			return
		}
		require.True(t, record.At.Equal(written.At))
		copy(image[free*store.SlotSize:], slot)
		read, _ := store.ParseFile(image)
		require.Equal(t, written, read)
		// A writer that dies on the way leaves the old record or the new one.
		for _, n := range []int{8, store.HeadSize, len(slot) - 1} {
			clear(image[free*store.SlotSize+n:][:store.SlotSize-n])
			torn, _ := store.ParseFile(image)
			require.Contains(t, []uint64{record.Version - 1, record.Version}, torn.Version)
			copy(image[free*store.SlotSize:], slot)
		}
	})
}
