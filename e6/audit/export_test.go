package audit

// File is an open file of a log.
type File = file

// OpenWith is Open with a function that opens the files.
func OpenWith(dir string, opts Options, open func(string) (File, error)) (*Log, error) {
	return openWith(dir, opts, open)
}

// OpenFile opens a file as Open does.
func OpenFile(path string) (File, error) { return openFile(path) }

// Put puts a record into the queue.
func (l *Log) Put(class Class, r Record) { l.put(class, r) }
