// Command subbert continues the pre-training of biomedical BERT models on a sub-domain of PubMed and
// turns the result into relation extraction, after Su & Vijay-Shanker 2022 (BMC Bioinformatics 23:120).
//
// Every verb has a file of its own in this directory. This package is the only one that reads the
// environment, writes to standard output, exits, or chooses a backend.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/data/staging"
	"github.com/subbert/subbert/internal/ctxio"
	"github.com/subbert/subbert/runs"
)

// Exit codes, as documented in the help.
const (
	exitFailed      = 1   // it ran and failed; the input or the machine is at fault
	exitMisused     = 2   // the command line, the config or the choice of backend is wrong
	exitInterrupted = 130 // stopped by SIGINT, SIGTERM or SIGHUP, state saved
)

const description = `Continue the pre-training of biomedical BERT models on a sub-domain of PubMed, and extract relations with them.

Results go to standard output, progress and logs to standard error. Exit codes: 0 done, 1 failed, 2 misused, 75 the machine is being taken away, 130 interrupted with the state saved.

subbert --version prints the version, the commit, the version of Go and the backends.`

type cli struct {
	Backend string `help:"Backend that computes: go, cpu, cpu:8 (eight devices), cuda or tpu; =/path/to/plugin.so selects a plugin." env:"SUBBERT_BACKEND" placeholder:"NAME"`
	Quiet   bool   `short:"q" help:"Print no progress; the load report, the plan and warnings are still printed."`
	Again   bool   `hidden:"" help:"A sweep tries a run again: replace existing outputs."`

	Quickstart quickstartCmd `cmd:"" help:"Run the whole pipeline on a made-up sample, or on your own files."`
	Pretrain   pretrainCmd   `cmd:"" help:"Continue the pre-training of a model on shards."`
	Finetune   finetuneCmd   `cmd:"" help:"Train a relation classifier on marked sentences and score it."`
	Probe      probeCmd      `cmd:"" help:"Measure what each layer of an encoder knows about a task."`
	Attention  attentionCmd  `cmd:"" help:"Show which words a model attends to."`
	Eval       evalCmd       `cmd:"" help:"Evaluate a model on shards, without training."`
	Plan       planCmd       `cmd:"" help:"Predict what a run needs and costs on a device, which this machine need not have."`
	Data       dataCmd       `cmd:"" help:"Prepare and inspect data."`
	Config     configCmd     `cmd:"" help:"Write and check the files of runs."`
	Predict    predictCmd    `cmd:"" help:"Apply a fine-tuned relation model to sentences or texts."`
	Extract    extractCmd    `cmd:"" help:"Apply a fine-tuned relation model to archives of texts, and write a table of pairs."`
	Score      scoreCmd      `cmd:"" help:"Score predicted labels against the right ones."`
	Compare    compareCmd    `cmd:"" help:"Test whether two models differ on the same pairs."`
	Report     reportCmd     `cmd:"" help:"Write the curves and scores of runs as one page."`
	Model      modelCmd      `cmd:"" help:"Inspect, convert and fetch models."`
	TPU        tpuCmd        `cmd:"" name:"tpu" help:"Run on Cloud TPUs, through preemptions, to the end."`
	Sweep      sweepCmd      `cmd:"" help:"Carry out a graph of runs, skipping those that are done."`
	Reproduce  reproduceCmd  `cmd:"" help:"Reproduce a table or figure of the paper, from corpora to the table."`
	SweepStep  sweepStepCmd  `cmd:"" hidden:"" help:"Carry out one run of a sweep; the sweep calls it."`
	Devices    backendCmd    `cmd:"" name:"backend" help:"List, install and check backends."`
}

// dataCmd holds the verbs that prepare or look at data.
type dataCmd struct {
	Select    dataSelectCmd    `cmd:"" help:"Copy the documents that match a query."`
	Shard     dataShardCmd     `cmd:"" help:"Turn documents into shards for pre-training."`
	Sentences dataSentencesCmd `cmd:"" help:"Find the sentences of text on standard input."`
	Inspect   dataInspectCmd   `cmd:"" help:"Describe a directory of shards, or relation files before training on them."`
	Relations dataRelationsCmd `cmd:"" help:"Turn a relation corpus into marked sentences, one TSV row for each pair."`
	Tokenize  dataTokenizeCmd  `cmd:"" help:"Split lines of text into the word pieces of a vocabulary."`
}

// modelCmd holds the verbs that deal with models as files.
type modelCmd struct {
	Inspect modelInspectCmd `cmd:"" help:"Describe a model and its contents."`
	Convert modelConvertCmd `cmd:"" help:"Write a model with its weights in another container."`
	Encode  modelEncodeCmd  `cmd:"" help:"Write what a model computes for texts: hidden states, attention, logits."`
	Pull    modelPullCmd    `cmd:"" help:"Fetch a published model from the Hugging Face hub."`
}

func main() {
	if err := restart(); err != nil {
		fmt.Fprintf(os.Stderr, "warning: not restarted with GODEBUG=%s, the Go backend may be slow: %v\n", backend.RuntimeSetting(), err)
	}
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// run is main without os.Exit: it parses args, runs the verb and returns the exit code.
func run(args []string, in io.Reader, out, errOut io.Writer) int {
	ctx, stop := untilSignal()
	defer stop()
	out, errOut = ctxio.Writer(ctx, out, readerHas), ctxio.Writer(ctx, errOut, readerHas)
	return complain(errOut, plainly(ctx, invoke(ctx, args, in, out, errOut)))
}

// signalsTogether is the time after the first signal in which further signals count as the same. timeout(1), some
// schedulers, and a terminal together with a parent process send several within milliseconds.
const signalsTogether = time.Second

// readerHas is the time after the first signal that the reader of standard output or standard error has to take what is
// still to be written, such as the reason of the end.
const readerHas = time.Second / 2

// untilSignal returns a context that ends at the first SIGINT, SIGTERM or SIGHUP. A second signal, unless it comes
// together with the first, ends the process, whatever it is waiting for. A SIGHUP that is ignored, as under nohup,
// stays ignored.
func untilSignal() (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	wanted := []os.Signal{syscall.SIGINT, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		wanted = append(wanted, syscall.SIGHUP)
	}
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, wanted...)
	go func() {
		select {
		case <-signals:
			cancel()
			time.AfterFunc(signalsTogether, func() { signal.Stop(signals) })
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel()
	}
}

// plainly replaces err by a message for people if ctx ended and err does not say what is kept.
func plainly(ctx context.Context, err error) error {
	if ctx.Err() == nil || !errors.Is(err, context.Canceled) || errors.Is(err, runs.ErrInterrupted) || errors.Is(err, errTakenAway) {
		return err
	}
	if kept := new(staging.KeptError); errors.As(err, &kept) {
		return interruptedf("%s", kept.Hint())
	}
	if errors.Is(err, ctxio.ErrUnread) {
		return errEndsEarly
	}
	return interruptedf("nothing was written; the same command starts again")
}

// invoke parses args and runs the verb they name.
func invoke(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer) error {
	if slices.Equal(args, []string{"--version"}) { // not a flag of the parser, because there is a verb of that name
		_, err := io.WriteString(out, versionText())
		return err
	}
	var c cli
	helped := false
	parser := newParser(&c, kong.Writers(out, errOut), kong.Exit(func(int) { helped = true }), kong.BindTo(ctx, (*context.Context)(nil)))
	parsed, err := parser.Parse(args)
	if helped {
		return nil
	}
	if err != nil {
		return misused(err)
	}
	if err := checkRanges(parsed); err != nil {
		return err
	}
	console := newConsole(ctx, &c, in, out, errOut)
	console.command = "subbert " + strings.Join(args, " ")
	return parsed.Run(console)
}

// newParser returns a parser of command lines that fills c.
func newParser(c *cli, options ...kong.Option) *kong.Kong {
	parser, err := kong.New(c, append([]kong.Option{
		kong.Name("subbert"),
		kong.Description(description),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.Help(printHelp),
	}, options...)...)
	if err != nil {
		panic(err) // the grammar above is wrong; every test that runs the binary finds that
	}
	return parser
}

// printHelp prints the help of a verb. Of a verb that runs one of its own verbs without its name, as extract runs rows,
// it prints the help of that one.
func printHelp(o kong.HelpOptions, ctx *kong.Context) error {
	if verb := ctx.Selected(); verb != nil && verb.DefaultCmd != nil {
		ctx.Path = append(ctx.Path, &kong.Path{Parent: verb, Command: verb.DefaultCmd})
	}
	return kong.DefaultHelpPrinter(o, ctx)
}

// complain prints err for a person and returns its exit code.
func complain(w io.Writer, err error) int {
	if err == nil {
		return 0
	}
	w = visibly(w)
	fmt.Fprintln(w, "error:", err)
	var hinted interface{ Hint() string }
	if errors.As(err, &hinted) && hinted.Hint() != "" {
		fmt.Fprintln(w, "hint:", hinted.Hint())
	}
	switch {
	case errors.Is(err, errTakenAway):
		return exitTakenAway
	case isInterruption(err):
		return exitInterrupted
	case isMisuse(err):
		return exitMisused
	}
	return exitFailed
}
