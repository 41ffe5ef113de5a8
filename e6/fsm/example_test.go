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
	// fsm: commit green is illegal in state green: legal are announce blue, rollback blue, detect, reset
}

func ExampleParseSide() {
	side, err := fsm.ParseSide(" Blue ")
	fmt.Println(side, side.Other(), err)
	_, err = fsm.ParseSide("purple")
	fmt.Println(err)
	// Output:
	// blue green <nil>
	// unknown side "purple": expected blue or green
}

// A program that holds work back during a transition.
func ExampleMachine_Snapshot() {
	machine, err := fsm.New()
	if err != nil {
		panic(err)
	}
	snapshot := machine.Snapshot() // as Client.Strategy returns it
	if snapshot.Phase == fsm.PhaseNone {
		fmt.Println("no transition, state:", snapshot)
	}
	// Output: no transition, state: unknown
}
