package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
	"google.golang.org/grpc"
)

func newVersionCommand(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Long:  "Version prints the version of this program, and of what it is built with.",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			version := "(devel)"
			if info, ok := debug.ReadBuildInfo(); ok {
				version = cmp.Or(info.Main.Version, version)
			}
			_, err := fmt.Fprintf(a.out, "e6 %s (%s, gRPC %s, %s/%s)\n", version, runtime.Version(), grpc.Version, runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
