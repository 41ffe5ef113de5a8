package main

import (
	"errors"
	"flag"
	"fmt"
	"io"

	"github.com/e6data/e6data-go/e6/e6test"
	"github.com/e6data/e6data-go/emulator"
)

// refusals are the values of --refuse.
var refusals = map[string]e6test.Refusal{"http": e6test.RefuseHTTP, "grpc": e6test.RefuseGRPC}

// parse reads the command line. The help goes to stderr.
func parse(args []string, stderr io.Writer) (emulator.Options, error) {
	var opts emulator.Options
	fs := flag.NewFlagSet("e6emu", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.StringVar(&opts.Listen, "listen", "127.0.0.1:50052", "`address` of the cluster")
	fs.StringVar(&opts.Admin, "admin", "127.0.0.1:50053", "`address` of the admin interface (HTTP); empty for none")
	fs.StringVar(&opts.EngineBlue, "engine-blue", "", "`address` of the blue engine without the ingress")
	fs.StringVar(&opts.EngineGreen, "engine-green", "", "`address` of the green engine without the ingress")
	fs.StringVar(&opts.Database, "database", "", "DuckDB `file` to serve instead of the sample data set")
	refuse := fs.String("refuse", "http", "`form` of the ingress's refusals: http or grpc")
	fs.IntVar(&opts.BatchRows, "batch-rows", 1000, "greatest `number` of rows in a batch")
	fs.DurationVar(&opts.Latency, "latency", 0, "`time` that every call takes longer, such as 5ms")
	fs.StringVar(&opts.User, "user", "", "only `name` that may log in; any by default")
	fs.StringVar(&opts.Token, "token", "", "only `token` that is accepted; any by default")
	fs.StringVar(&opts.Bearer, "bearer", "", "only OAuth access `token` that is accepted, in place of logins; it needs TLS")
	fs.StringVar(&opts.CertFile, "tls-cert", "", "PEM `file` with the certificate to serve TLS with")
	fs.StringVar(&opts.KeyFile, "tls-key", "", "PEM `file` with its key")
	fs.StringVar(&opts.SelfSigned, "tls-self-signed", "", "make a certificate, serve TLS with it, and write it to this `file` for the clients to trust")
	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			_, _ = fmt.Fprintln(stderr, "e6emu is a local e6data cluster over DuckDB. Its flags:")
			fs.SetOutput(stderr)
			fs.PrintDefaults()
		}
		return opts, err
	}
	var known bool
	if opts.Refusal, known = refusals[*refuse]; !known {
		return opts, fmt.Errorf("--refuse %q: expected http or grpc", *refuse)
	}
	return opts, check(fs, opts)
}

// check lists everything that is wrong with the flags' values.
func check(fs *flag.FlagSet, opts emulator.Options) error {
	var errs []error
	if fs.NArg() > 0 {
		errs = append(errs, fmt.Errorf("unexpected argument %q: everything is given by flags, see --help", fs.Arg(0)))
	}
	if opts.Listen == "" {
		errs = append(errs, errors.New("--listen must not be empty"))
	}
	if (opts.EngineBlue == "") != (opts.EngineGreen == "") {
		errs = append(errs, errors.New("--engine-blue and --engine-green belong together: give both or none"))
	}
	if opts.BatchRows < 1 {
		errs = append(errs, fmt.Errorf("--batch-rows %d: expected at least 1", opts.BatchRows))
	}
	if opts.Latency < 0 {
		errs = append(errs, fmt.Errorf("--latency %s: expected 0s or more", opts.Latency))
	}
	if (opts.User == "") != (opts.Token == "") {
		errs = append(errs, errors.New("--user and --token belong together: give both or none"))
	}
	if (opts.CertFile == "") != (opts.KeyFile == "") {
		errs = append(errs, errors.New("--tls-cert and --tls-key belong together: give both or none"))
	}
	if opts.SelfSigned != "" && opts.CertFile != "" {
		errs = append(errs, errors.New("--tls-self-signed and --tls-cert: give one of them"))
	}
	if opts.Bearer != "" && opts.User != "" {
		errs = append(errs, errors.New("--bearer and --user: give one of them, as there are no logins with a bearer"))
	}
	if opts.Bearer != "" && opts.CertFile == "" && opts.SelfSigned == "" {
		errs = append(errs, errors.New("--bearer without TLS: add --tls-self-signed or --tls-cert, as clients send no bearer in clear text"))
	}
	return errors.Join(errs...)
}
