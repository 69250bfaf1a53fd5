// Command beam runs subbert's data select, data shard and extract as Apache Beam pipelines: on this machine (prism), on Flink or on
// Google Cloud Dataflow. README.md says how.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/apache/beam/sdks/v2/go/pkg/beam"
	"github.com/apache/beam/sdks/v2/go/pkg/beam/x/beamx"

	"github.com/subbert/subbert/beam/pipeline"
	"github.com/subbert/subbert/data/request"
)

func main() {
	f := define(flag.CommandLine)
	flag.Usage = func() {
		fmt.Fprintf(flag.CommandLine.Output(), "usage: %s [flags] select|shard|extract FILE...\n", os.Args[0])
		flag.PrintDefaults()
	}
	flag.Parse()
	pipeline.Register()
	beam.Init() // does not return in a worker
	if err := f.run(context.Background(), flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		var misuse *request.Misuse
		if errors.As(err, &misuse) {
			os.Exit(2)
		}
		os.Exit(1)
	}
}

// flags are those of data select, data shard and extract.
type flags struct {
	selection  request.Selection
	shards     request.Shards
	extraction pipeline.Extraction
	out        string
}

// list is a flag that may be repeated, or given once with commas.
type list struct {
	values *[]string
	commas bool
}

func (l list) String() string { return "" }

func (l list) Set(s string) error {
	if !l.commas {
		*l.values = append(*l.values, s)
		return nil
	}
	*l.values = append(*l.values, strings.Split(s, ",")...)
	return nil
}

func define(fs *flag.FlagSet) *flags {
	f := &flags{}
	s := &f.selection
	fs.StringVar(&s.Query, "query", "", "select: what to select, as in PubMed")
	fs.StringVar(&s.Preset, "preset", "", "select: a corpus of the paper: pg, drug or cp")
	fs.StringVar(&s.Mode, "mode", "", "select: lexical, mesh or entity")
	fs.StringVar(&s.Mesh, "mesh", "", "select: file of MeSH descriptors")
	fs.Var(list{&s.Entities, true}, "entities", "select: entity types; documents must mention at least one of each")
	fs.Var(list{&s.Tables, false}, "tables", "select: table of PubTator; may be repeated")
	fs.Var(list{&s.Exclude, false}, "exclude", "select: list of identifiers or FORMAT:CORPUS; may be repeated")
	fs.Var(list{&s.Share, false}, "share", "select: PATTERN=FRACTION; may be repeated")
	fs.StringVar(&s.From, "from", "auto", "select: auto, pubmed-xml, pubtator, bioc, jsonl or text")
	fs.StringVar(&s.Vocab, "vocab", "", "vocabulary, one token per line")
	fs.BoolVar(&s.Uncased, "uncased", false, "lower-case the text, as uncased vocabularies require")
	fs.BoolVar(&s.Strict, "strict", false, "stop at the first broken record")
	fs.IntVar(&f.shards.MaxWordChars, "max-word-chars", 0, "shard: longer words become [UNK]; the default is the vocabulary's setting, 200 for a vocabulary alone")
	fs.Float64Var(&f.shards.HeldOut, "held-out", 0.01, "shard: fraction of the documents to hold out of training")
	fs.Uint64Var(&f.shards.Seed, "seed", 1, "shard: seed of the order of the documents")
	f.defineExtraction(fs)
	fs.StringVar(&f.out, "out", "", "directory to create (extract: file), on a filesystem that all machines can reach, such as gs://bucket/dir")
	return f
}

func (f *flags) defineExtraction(fs *flag.FlagSet) {
	e := &f.extraction
	fs.StringVar(&e.Model, "model", "", "extract: the model directory of a fine-tuning run")
	fs.Var(list{&e.Types, true}, "types", "extract: the types of a pair's two mentions, such as Chemical,Disease")
	fs.Var(list{&e.As, true}, "as", "extract: names of these types in the sentences that the model was trained on")
	fs.IntVar(&e.Within, "within", 0, "extract: maximum distance of the two mentions of a pair, in sentences")
	fs.StringVar(&e.IDs, "ids", "", "extract: file of identifiers, one per line; keep only pairs that name one of them")
	fs.Var(list{&e.Species, true}, "species", "extract: keep only texts that name one of these species")
	fs.Var(list{&e.Sections, true}, "sections", "extract: keep only pairs of these sections")
	fs.Float64Var(&e.MinProbability, "min-probability", 0, "extract: leave out rows whose label is less probable")
	fs.BoolVar(&e.Negatives, "negatives", false, "extract: keep rows whose label means no relation")
	fs.IntVar(&e.Batch, "batch", 32, "extract: sentences at a time")
	fs.IntVar(&e.Chunk, "chunk", 4096, "extract: pairs that are predicted together; the same as in the local command")
}

func (f *flags) run(ctx context.Context, args []string) error {
	if len(args) < 2 || f.out == "" {
		return &request.Misuse{Err: errors.New("want --out and, after all flags, select, shard or extract and the files")}
	}
	files, err := pipeline.Files(ctx, args[1:])
	if err != nil {
		return err
	}
	var p *beam.Pipeline
	switch args[0] {
	case "select":
		p, err = pipeline.NewSelection(ctx, f.selection, files, f.out, slog.Default())
	case "shard":
		s := f.shards
		s.Vocab, s.Uncased, s.Strict = f.selection.Vocab, f.selection.Uncased, f.selection.Strict
		p, err = pipeline.NewShards(ctx, s, files, f.out)
	case "extract":
		e := f.extraction
		e.Strict = f.selection.Strict
		p, err = pipeline.NewExtraction(ctx, e, files, f.out)
	default:
		err = &request.Misuse{Err: fmt.Errorf("%q, want select, shard or extract", args[0])}
	}
	if err != nil {
		return err
	}
	return beamx.Run(ctx, p)
}
