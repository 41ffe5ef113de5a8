package fsm_test

import (
	"fmt"

	"github.com/e6data/e6data-go/e6/fsm"
)

func Example() {
	machine, err := fsm.New()
	if err != nil {
		panic(err)
	}
	for _, trigger := range []fsm.Trigger{
		{Event: fsm.EventDetect},
		{Event: fsm.EventSettle, Side: fsm.Blue},
		{Event: fsm.EventAnnounce, Side: fsm.Green},
		{Event: fsm.EventAccept, Phase: fsm.PhaseDraining},
		{Event: fsm.EventCommit, Side: fsm.Green},
	} {
		step, err := machine.Fire(trigger)
		if err != nil {
			panic(err)
		}
		fmt.Println(step, "active:", step.After.Active)
	}
	_, err = machine.Fire(fsm.Trigger{Event: fsm.EventCommit, Side: fsm.Green})
	fmt.Println(err)
	// Output:
	// detect: unknown => detecting active: none
	// settle: detecting => blue active: blue
	// announce: blue => transitioning blue->green (preparing) active: blue
	// accept: transitioning blue->green (preparing) => transitioning blue->green (draining) active: green
	// commit: transitioning blue->green (draining) => green active: green
	// fsm: commit green is illegal in state green
}
