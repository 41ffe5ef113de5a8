package wire_test

import (
	"context"
	"fmt"
	"net"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/internal/wire"
	e6xv1 "github.com/e6data/e6data-go/proto/e6data/e6x/v1"
)

// listener receives the announcements of responses.
type listener struct{}

func (listener) Stamp() wire.Stamp                                              { return wire.Stamp{} }
func (listener) Announced(context.Context, fsm.Side, wire.Stamp, fsm.Side)      {}
func (listener) Agreed(fsm.Side, wire.Stamp)                                    {}
func (listener) AnnouncedUnknown(context.Context, fsm.Side, wire.Stamp, string) {}

// A call that could not be sent has its own class, and may be retried.
func Example() {
	conn, err := wire.Dial(wire.Config{
		Target:   "cluster.example:80",
		Observer: listener{},
		Dialer: func(context.Context, string) (net.Conn, error) {
			return nil, fmt.Errorf("the network is down")
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = conn.Close() }()

	_, err = conn.Engine(wire.Call{Side: fsm.Blue}).Status(context.Background(), &e6xv1.StatusRequest{})
	if failed, ok := wire.AsError(err); ok {
		fmt.Println(failed.Method, "on", failed.Side, "had effect:", failed.Effect)
		fmt.Println(failed.Class == wire.ClassUnreachable)
	}
	// Output:
	// status on blue had effect: none
	// true
}
