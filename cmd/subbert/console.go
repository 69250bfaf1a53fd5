package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
)

// console is what a verb may touch of the world: it is bound by main and handed to every Run.
type console struct {
	ctx     context.Context // ends at SIGINT or SIGTERM
	in      io.Reader
	out     io.Writer // results
	err     io.Writer // progress and logs
	log     *slog.Logger
	backend string // --backend, or SUBBERT_BACKEND, or empty
	quiet   bool
	command string // as it was typed
	getenv  func(string) string
}

func newConsole(ctx context.Context, c *cli, in io.Reader, out, errOut io.Writer) *console {
	return &console{
		ctx: ctx, in: in, out: out, err: errOut,
		log:     newLog(errOut, c.Quiet),
		backend: c.Backend,
		quiet:   c.Quiet,
		getenv:  os.Getenv,
	}
}

// newLog is a log for people; quiet leaves warnings and errors.
func newLog(w io.Writer, quiet bool) *slog.Logger {
	level := slog.LevelInfo
	if quiet {
		level = slog.LevelWarn
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: dropTime}))
}

// withFlags puts before args the flags that c was made with and that hold for every verb.
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

// dropTime leaves the time out of log lines: progress lines carry their own clock.
func dropTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// printJSON writes v to standard output, indented, as the result of a verb called with --json.
func (c *console) printJSON(v any) error {
	enc := json.NewEncoder(c.out)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// errInterrupted says that a signal ended the work and that its state was saved.
var errInterrupted = errors.New("interrupted")

// misuse marks an error as the caller's: exit code 2 instead of 1.
type misuse struct{ error }

func (m misuse) Unwrap() error { return m.error }

// misused marks err as the caller's mistake.
func misused(err error) error { return misuse{err} }

// misusef is misused(fmt.Errorf(...)).
func misusef(format string, args ...any) error { return misused(fmt.Errorf(format, args...)) }
