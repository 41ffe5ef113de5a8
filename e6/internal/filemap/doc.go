// Package filemap maps files into memory, and locks them between processes.
//
// A mapping is shared: other processes that map the file read what this one writes, and
// what it has written stays in the file if it is killed. Memory behind which there is no
// file any more faults: callers use debug.SetPanicOnFault.
package filemap
