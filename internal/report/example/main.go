// Command example makes the example of a report in the documents:
//
//	go run ./internal/report/example write docs      # the report of the recording in testdata
//	go run ./internal/report/example record FILE.gz  # a new recording
//
// A new version of the format of recordings needs a new recording: give the path of the one in
// testdata. It has the times of its run, so the documents change with it.
package main

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/e6data/e6data-go/e6/recorder"
	"github.com/e6data/e6data-go/internal/report"
)

// kept is the recording of which the documents have the report.
const kept = "internal/report/testdata/incident.rec.gz"

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "example:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 2 && args[0] == "write":
		return writeDocuments(kept, args[1])
	case len(args) == 2 && args[0] == "record":
		return recordTo(context.Background(), args[1])
	}
	return errors.New("want write and a folder, or record and a file")
}

// documents are the files of the report.
var documents = map[string]func(*report.Report, io.Writer) error{
	"cutover-report.html": (*report.Report).Page,
	"cutover-report.svg":  (*report.Report).Timeline,
}

func writeDocuments(recording, folder string) error {
	recorded, err := read(recording)
	if err != nil {
		return err
	}
	r := report.New(report.Options{}, report.Source{Name: "e6.rec", Recording: recorded})
	for name, write := range documents {
		var b strings.Builder
		if err := write(r, &b); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, name), []byte(b.String()), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// read reads a compressed recording.
func read(path string) (*recorder.Recording, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, err
	}
	image, err := io.ReadAll(z)
	if err != nil {
		return nil, err
	}
	return recorder.Parse(image)
}

// recordTo makes a recording and compresses it.
func recordTo(ctx context.Context, path string) (err error) {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	folder, err := os.MkdirTemp("", "e6-example")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	file := filepath.Join(folder, "e6.rec")
	if err := play(ctx, file); err != nil {
		return err
	}
	image, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	z, err := gzip.NewWriterLevel(out, gzip.BestCompression)
	if err != nil {
		return err
	}
	_, err = z.Write(image)
	return errors.Join(err, z.Close())
}
