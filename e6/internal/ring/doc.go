// Package ring keeps the last records of a process in a file of a fixed size, which can be
// read at any time: also after the process was killed.
//
// A file has a header of one block, and lanes of blocks. A lane is a ring: the records of
// one lane do not overwrite those of another. All numbers are little-endian.
//
//	header  "e6record", format version (4 bytes), block size (4), blocks of each lane (4
//	        each, 0 behind the last lane), checksum of the fields before (4)
//	block   number of the block in its lane, from 1 (8 bytes), checksum of it (4), 4 zeros,
//	        records
//	record  length of the content (4 bytes), checksum of length, block number, sequence
//	        number and content (4), sequence number (8), content, zeros up to a multiple
//	        of 8
//
// Checksums are CRC-32C. A record lies in one block. A length of 0 ends a block. Sequence
// numbers begin at 1 and grow in the order of the calls of Append, in all lanes and processes
// together: they order the records also if the clock is set.
//
// # Why a reader never takes a torn record for a whole one
//
// A writer stores the content with its number, then the checksum, then the length. If the process ends in
// between, the length is 0, or the checksum is wrong. The reader stops there in this block
// and continues with the next one, in the order of their numbers. Before a block is used
// again, its number is cleared, then its content, and then the next number is stored: a
// block with a number has no record of an older round. The checksum of a record includes
// the number of its block, so that a reader of a file that is being written drops records
// of a round that has just begun.
//
// The system keeps what a killed process has written to a mapping. After a crash of the
// system itself, the newest records may be missing.
package ring
