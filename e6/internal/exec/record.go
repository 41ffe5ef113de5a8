package exec

import "github.com/e6data/e6data-go/e6/vector"

// record describes the rows that have reached the caller, so that a replay can be compared
// with them.
//
// Few results are cut off, so rows are not hashed while they are delivered: the record keeps
// their encoded messages, up to the window, and hashes them for a replay. A hash takes a
// third of the time that it takes to decode the same rows into a reused batch. Beyond the
// window, the record hashes each batch, so that its memory is bounded, or it ends.
type record struct {
	window int64 // how many more bytes of messages are kept
	beyond bool  // the result is continued beyond the window too

	kept []kept
	hash *vector.Hash // of all rows; nil within the window
}

// kept are rows of a message.
type kept struct {
	message       []byte
	skipped, rows int
}

// keeps reports whether the record keeps a message that reaches the caller after that number
// of bytes. A nil record keeps nothing.
func (r *record) keeps(behind int, message []byte) bool {
	return r != nil && r.hash == nil && int64(behind)+int64(len(message)) <= r.window
}

// add records the rows of a batch, and reports false if the result cannot be continued
// from now on.
func (r *record) add(b *vector.Batch, from part) bool {
	rows := b.Rows()
	if r.hash == nil {
		// All of the message is kept, even if the caller has seen a part of its rows
		// before. A constant column takes no bytes for its rows, but as long to hash
		// as others.
		size := max(int64(len(from.message)), int64(rows)*int64(b.NumColumns()))
		if from.message != nil && size <= r.window {
			r.window -= size
			r.kept = append(r.kept, kept{from.message, from.skipped, rows})
			return true
		}
		if !r.beyond {
			return false
		}
		r.hash, r.kept = r.sum(), nil
	}
	r.hash.Add(b, rows)
	return true
}

// sum is the hash of all rows.
func (r *record) sum() *vector.Hash {
	if r.hash != nil {
		return r.hash
	}
	var hash vector.Hash
	var batch vector.Batch
	for _, k := range r.kept {
		if err := batch.Decode(k.message, nil); err != nil {
			// The same message was decoded before, so the program has written into its
			// memory. The hash lacks its rows, so the replay differs.
			break
		}
		batch.Skip(k.skipped)
		hash.Add(&batch, k.rows)
	}
	return &hash
}
