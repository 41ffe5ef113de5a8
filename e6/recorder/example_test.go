package recorder_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/hook"
	"github.com/e6data/e6data-go/e6/recorder"
)

// A client that is opened with e6.WithRecorder makes the calls of Open, QueryEnd and Close.
func ExampleFile() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "e6.rec")
	r := recorder.File(path)
	if err := r.Open(); err != nil {
		log.Fatal(err)
	}
	r.QueryEnd(context.Background(), hook.QueryEnd{Side: fsm.Green, QueryID: "query-7", Rows: 12, Replays: 1})
	if err := r.Close(); err != nil {
		log.Fatal(err)
	}

	recording, err := recorder.Read(path)
	if err != nil {
		log.Fatal(err)
	}
	for _, entry := range recording.Entries {
		if q, ok := entry.Data.(recorder.Query); ok {
			fmt.Println(q.Side, q.Outcome(), q.Rows, q.ID == recorder.HashQueryID("query-7"))
		}
	}
	// Output: green replayed 12 true
}

// A replay of an empty recording has no steps.
func ExampleRecording_Replay() {
	r := recorder.Memory()
	if err := r.Open(); err != nil {
		log.Fatal(err)
	}
	recording, err := r.Recording()
	if err != nil {
		log.Fatal(err)
	}
	for step, err := range recording.Replay() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(step.Time, step.Message, step.Snapshot, step.Difference)
	}
	// Output:
}
