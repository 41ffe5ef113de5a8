package events_test

import (
	"context"
	"log/slog"
	"os"

	"github.com/e6data/e6data-go/e6/events"
	"github.com/e6data/e6data-go/e6/fsm"
)

// A subscriber that writes the events to its own log.
func ExampleEvent_Attrs() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, &slog.HandlerOptions{
		Level: slog.LevelDebug,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
	write := func(e events.Event) {
		log.LogAttrs(context.Background(), e.Level(), e.Message(), e.Attrs()...)
	}
	write(events.Event{
		Seq: 41, Address: "prod.example.com:443", Cluster: "prod", Cause: fsm.Cause{Reason: fsm.ReasonRefusal, Detail: "executeStatement on blue: wrong side"},
		Data: events.Refused{Side: fsm.Blue, Method: "executeStatement", QueryID: "q-17", Tag: "nightly"},
	})
	// Output:
	// {"level":"DEBUG","msg":"call refused","event":"refused","component":"query","seq":41,"address":"prod.example.com:443","cluster":"prod","reason":"refusal","detail":"executeStatement on blue: wrong side","side":"blue","method":"executeStatement","query_id":"q-17","tag":"nightly"}
}
