package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func main() {
	if text := os.Getenv(childVariable); text != "" {
		if err := beChild(text, os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, "torture: client:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(torture(os.Args[1:], os.Stdout))
}

// torture runs the worlds and returns the status to exit with: 0 if every promise was
// kept, 1 if one was broken, 2 if it was called wrongly.
func torture(args []string, out io.Writer) int {
	flags := flag.NewFlagSet("torture", flag.ContinueOnError)
	flags.SetOutput(out)
	seed := flags.Uint64("seed", 0, "draw the scripts from this `number`; 0 takes a random one")
	limit := flags.Duration("time", 10*time.Minute, "end after this `time` at the latest")
	cutovers := flags.Int("cutovers", 1000, "make so many cutovers, in all worlds together; 0 makes as many as there is time for")
	which := flags.String("worlds", "", "play only these `worlds`: "+strings.Join(names(worlds), ", "))
	keep := flags.String("record", "", "keep the flight recordings of the clients in this `directory`, for e6 record; a violation names them")
	list := flags.Bool("list", false, "print the scripts, and play nothing")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	chosen, err := choose(*which)
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("there are no arguments beside the flags: %q", flags.Args())
	}
	if err == nil && (*limit <= 0 || *cutovers < 0) {
		err = errors.New("-time must be above 0, and -cutovers not below")
	}
	if err != nil {
		fmt.Fprintln(out, "torture:", err)
		return 2
	}
	if *seed == 0 {
		*seed = 1 + rand.Uint64N(1<<32)
	}
	fmt.Fprintf(out, "seed %d\n", *seed)
	send := func(format string, args ...any) {
		fmt.Fprintf(out, time.Now().Format("15:04:05 ")+format+"\n", args...)
	}
	deadline := time.Now().Add(*limit)
	records := make(map[string]*record)
	var played []string
	for i, w := range chosen {
		n := part(w, chosen, *cutovers)
		if *list {
			fmt.Fprintf(out, "%s\n%s", w.name, listing(w.script(*seed, n)))
			continue
		}
		if err := w.missing(); err != nil {
			if os.Getenv("E6_REQUIRE_"+strings.ToUpper(w.name)) == "1" {
				send("%s: %v, and the environment requires it", w.name, err)
				return 1
			}
			send("%s: left out: %v", w.name, err)
			continue
		}
		send("%s: %s", w.name, w.what)
		if *keep != "" {
			w.keep = filepath.Join(*keep, w.name)
		}
		until := deadline
		if *cutovers == 0 { // the worlds share the time
			until = time.Now().Add(time.Until(deadline) / time.Duration(len(chosen)-i))
		}
		records[w.name] = w.play(*seed, n, until, send)
		played = append(played, w.name)
		if broken := records[w.name].violations(); len(broken) > 0 {
			for _, text := range broken[:min(len(broken), 20)] {
				send("%s: BROKEN: %s", w.name, text)
			}
			if *keep != "" {
				fmt.Fprintf(out, "recordings: e6 record show %s/*.rec\n", w.keep)
			}
			fmt.Fprintf(out, "replay: go run ./internal/torture -seed %d -worlds %s -cutovers %d\n", *seed, w.name, max(1, records[w.name].cutovers()))
			table(out, played, records)
			return 1
		}
	}
	if !*list {
		table(out, played, records)
	}
	return 0
}

// part is how many of all cutovers are made in a world.
func part(w world, chosen []world, all int) int {
	sum := 0.0
	for _, c := range chosen {
		sum += c.share
	}
	n := int(float64(all)*w.share/sum + 0.5)
	if all > 0 {
		n = max(n, 1)
	}
	return n
}

// choose finds the worlds of a list of names; an empty one means all.
func choose(list string) (chosen []world, err error) {
	if list == "" {
		return worlds, nil
	}
	for _, name := range strings.Split(list, ",") {
		i := slices.IndexFunc(worlds, func(w world) bool { return w.name == strings.TrimSpace(name) })
		if i < 0 {
			return nil, fmt.Errorf("there is no world %q: there are %s", name, strings.Join(names(worlds), ", "))
		}
		chosen = append(chosen, worlds[i])
	}
	return chosen, nil
}

func names(of []world) (all []string) {
	for _, w := range of {
		all = append(all, w.name)
	}
	return all
}
