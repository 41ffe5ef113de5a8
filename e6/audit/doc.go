// Package audit writes an audit log of a client: JSON lines in files that are rotated by
// size and age.
//
//	log, err := audit.Open("/var/log/app/e6", audit.Options{})
//	client, err := e6.Open(ctx, cfg, log.Options()...)
//
// Close the log after its clients. One log serves any number of clients, and several
// processes may use one directory: a line is one write to the end of a file.
//
// Each record belongs to a class, and each class has files of its own, because they are
// kept for different times: changes of the strategy for 90 days, errors for 30, and
// performance records, one for each statement, for 7. A file has the records of one day in
// UTC: strategy-2030-01-31.jsonl, and strategy-2030-01-31.1.jsonl if the first one is full.
// Files have the mode 0600. They hold no SQL text and no secrets: of the error of a
// statement there is only its code.
//
// A query never waits for the disk. Records wait in a queue, and one goroutine writes them.
// If the queue is full, records are dropped and counted, and a record of the event
// records_dropped has their number.
package audit
