package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"text/tabwriter"

	"github.com/subbert/subbert/checkpoints/hub"
	"github.com/subbert/subbert/compare"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/data/corpus/stream"
	"github.com/subbert/subbert/data/request"
	"github.com/subbert/subbert/data/staging"
	"github.com/subbert/subbert/extract"
	"github.com/subbert/subbert/extract/bulk"
	"github.com/subbert/subbert/internal/atomicfile"
	"github.com/subbert/subbert/internal/ctxio"
	"github.com/subbert/subbert/runs"
	"github.com/subbert/subbert/runs/quickstart"
	"github.com/subbert/subbert/sweep"
	"github.com/subbert/subbert/tpu/launch"
)

// console is what a verb may use of the process and its environment. Main makes it and passes it to every Run.
type console struct {
	ctx     context.Context // ends at SIGINT, SIGTERM or SIGHUP
	in      io.Reader
	out     io.Writer // results
	err     io.Writer // progress and logs
	log     *slog.Logger
	backend string // --backend, or SUBBERT_BACKEND, or empty
	quiet   bool
	again   bool   // a sweep retries a run, so outputs are replaced
	command string // as it was typed
	getenv  func(string) string
}

func newConsole(ctx context.Context, c *cli, in io.Reader, out, errOut io.Writer) *console {
	out, errOut = visibly(out), visibly(errOut)
	return &console{
		ctx: ctx, in: in, out: out, err: errOut,
		log:     newLog(errOut, c.Quiet),
		backend: c.Backend,
		quiet:   c.Quiet,
		again:   c.Again,
		getenv:  os.Getenv,
	}
}

// newLog returns a log for people; with quiet it has only warnings and errors.
func newLog(w io.Writer, quiet bool) *slog.Logger {
	level := slog.LevelInfo
	if quiet {
		level = slog.LevelWarn
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: dropTime}))
}

// dropTime removes the time from log lines: progress lines have a clock of their own.
func dropTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// withFlags prepends the flags of every verb, with the values of c, to args.
func (c *console) withFlags(args []string) []string {
	var flags []string
	if c.backend != "" {
		flags = append(flags, "--backend", c.backend)
	}
	if c.quiet {
		flags = append(flags, "--quiet")
	}
	return append(flags, args...)
}

// standardInput returns a reader of standard input that fails once the context ends; meter shows its progress.
func (c *console) standardInput(meter *meter) io.Reader {
	return ctxio.Waiting(c.ctx, c.in, meter.told("standard input", 0))
}

// open opens a file and decompresses it. Reads fail once the context ends; meter shows the progress.
func (c *console) open(meter *meter, name string) (io.ReadCloser, error) {
	f, err := stream.Open(c.ctx, name)
	if err != nil {
		return nil, err
	}
	tell := meter.reading(name)
	return struct {
		io.Reader
		io.Closer
	}{ctxio.Reader(c.ctx, f, func(int) { tell(f.BytesRead(), f.Size()) }), f}, nil
}

// errEndsEarly is the end of a verb that was interrupted while it printed.
var errEndsEarly = interruptedf("the output ends early; the same command starts again")

// endsEarly replaces err by a message for people if the context ended while a verb printed as it read.
func endsEarly(c *console, err error) error {
	if err == nil || c.ctx.Err() == nil {
		return err
	}
	return errEndsEarly
}

// env returns the environment of runs.
func (c *console) env(resume bool) runs.Env {
	meter := newMeter(c)
	e := runs.Env{
		Reading: func(name string, done, size int64) { meter.reading(name)(done, size) }, Counting: meter.counts,
		Backend: c.openBackend, Model: c.modelPath, Store: c.openStore, Log: c.log, Notes: c.err, Resume: resume, Command: c.command}
	if dir, err := cacheDir(); err == nil {
		e.Cache = blocksDir(dir)
	}
	if !c.quiet {
		e.Progress = newTraining(c).show
	}
	return e
}

// printJSON writes v, the result of a verb called with --json, to standard output.
func (c *console) printJSON(v any) error { return atomicfile.EncodeJSON(c.out, v) }

// show prints v as JSON, or with print for people.
func (c *console) show(asJSON bool, v any, print func(io.Writer) error) error {
	if asJSON {
		return c.printJSON(v)
	}
	return print(c.out)
}

// printRows prints rows of a name and a text as two columns.
func printRows(to io.Writer, rows [][2]string) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\n", r[0], r[1])
	}
	return w.Flush()
}

// misuse marks an error as the caller's, with exit code 2 instead of 1.
type misuse struct{ error }

func (m misuse) Unwrap() error { return m.error }

// misused marks err as the caller's mistake.
func misused(err error) error {
	if err == nil {
		return nil
	}
	return misuse{err}
}

// misusef is misused(fmt.Errorf(...)).
func misusef(format string, args ...any) error { return misused(fmt.Errorf(format, args...)) }

// isMisuse reports whether err is the caller's mistake.
func isMisuse(err error) bool {
	for _, kind := range []any{
		new(misuse), new(*request.Misuse), new(*configs.Error), new(*sweep.OptionsError), new(*hub.EndpointError), new(*launch.AddressError), new(*launch.OtherConfigError), new(*quickstart.ExistsError),
		new(*extract.NotFineTunedError), new(*extract.NoWeightsError), new(*extract.RequestError), new(*bulk.WorkError), new(*compare.NegativeError),
	} {
		if errors.As(err, kind) {
			return true
		}
	}
	return errors.Is(err, staging.ErrExists)
}

// isInterruption reports whether err says that a verb was asked to end.
func isInterruption(err error) bool {
	return errors.Is(err, runs.ErrInterrupted) || errors.Is(err, context.Canceled)
}

// interruptedf returns an interruption whose text says what is kept.
func interruptedf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", runs.ErrInterrupted, fmt.Sprintf(format, args...))
}
