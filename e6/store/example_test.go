package store_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"github.com/e6data/e6data-go/e6/fsm"
	"github.com/e6data/e6data-go/e6/store"
)

// Clients do this by themselves, if they are given the store with e6.WithStore.
func ExampleOpenFile() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	// Programs leave Dir out, so that they meet in the same directory.
	one, err := store.OpenFile(store.FileOptions{Dir: dir})
	if err != nil {
		log.Fatal(err)
	}
	defer one.Close()
	another, err := store.OpenFile(store.FileOptions{Dir: dir}) // in another process
	if err != nil {
		log.Fatal(err)
	}
	defer another.Close()

	ctx := context.Background()
	const cluster = "engine.example.com:443/prod"
	if _, err := one.CompareAndSwap(ctx, cluster, 0, store.Record{Active: fsm.Green}); err != nil {
		log.Fatal(err)
	}
	record, err := another.Load(ctx, cluster)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(record.Side(), "at version", record.Version)
	// Output: green at version 1
}

func ExampleMemory() {
	var shared store.Memory
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	if _, err := shared.CompareAndSwap(ctx, "engine.example.com:443/prod", 0, store.Record{Active: fsm.Blue}); err != nil {
		log.Fatal(err)
	}
	err := shared.Watch(ctx, "engine.example.com:443/prod", func(f store.Record) {
		fmt.Println("new queries go to", f.Side())
		stop()
	})
	fmt.Println(err)
	// Output:
	// new queries go to blue
	// context canceled
}
