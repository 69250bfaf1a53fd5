package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/google/renameio/v2"
	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/relations"
)

type dataRelationsCmd struct {
	In          string   `arg:"" help:"The corpus: a file, a folder, or DDI 2013's zip."`
	From        string   `required:"" enum:"ddi2013,aimed,ppi-xml,chemprot,tsv,pubtator,bioc,jsonl" placeholder:"FORMAT" help:"Its format: ddi2013, aimed, ppi-xml, chemprot, tsv, pubtator, bioc or jsonl."`
	Out         string   `required:"" placeholder:"FILE.tsv|DIR/" help:"Where to: one TSV file; or a folder (there, or written with / at its end), which gets a file for each split or fold."`
	Split       string   `default:"all" enum:"all,train,dev,test" help:"What to write: all (train, dev, test one after the other), train, dev or test."`
	Marking     string   `default:"tag" enum:"tag,typed_marker,entity_mask,none" help:"How the two mentions are shown: tag (@DRUG$, @DRUG-DRUG$ where they overlap), typed_marker (<e1:DRUG>name</e1:DRUG>), entity_mask (tag, and every other mention is @OTHER$) or none."`
	DevFraction float64  `placeholder:"F" help:"Hold this part of train out as dev; 0.2 is the paper's for DDI."`
	DevBy       string   `default:"pair" enum:"pair,document" help:"What is held out for dev: pairs (the paper) or whole documents."`
	Folds       int      `placeholder:"K" help:"Deal the documents out into K folds."`
	Fold        *int     `placeholder:"N" help:"Make fold N, from 0, the test set and the others train."`
	Only        string   `placeholder:"FILE" help:"Keep only the pairs or documents named in FILE, one a line."`
	Types       []string `placeholder:"A,B" help:"pubtator, bioc: the types of a pair's two mentions, such as Chemical,Disease. Without it every two mentions."`
	Seed        uint64   `default:"1" help:"What --dev-fraction and --folds follow from."`
	Result      string   `placeholder:"FILE" help:"Write the counts as JSON to this file, too."`
	JSON        bool     `name:"json" help:"Print the counts as JSON."`
}

func (v *dataRelationsCmd) Help() string {
	return `Reads a relation corpus and writes index<TAB>sentence<TAB>label with a header, in the corpus's order, one row for each pair of mentions in a sentence. Tabs and line ends inside a sentence become spaces and blanks at its ends go; nothing else is touched. What differs from the published counts is told on standard error.

A zip or folder is read in the order of its paths, train before test. The one DDI 2013 pair that is said to interact without a type counts as false, as in the published table.`
}

// relationsResult is what data relations --json prints.
type relationsResult struct {
	From        string            `json:"from"`
	Marking     relations.Marking `json:"marking"`
	Files       []relationsFile   `json:"files"`
	Counts      []relations.Count `json:"counts"` // by split
	Differences []string          `json:"differences"`
	Warnings    []string          `json:"warnings"`
}

type relationsFile struct {
	Path     string `json:"path"`
	Pairs    int    `json:"pairs"`
	examples []relations.Example
}

func (v *dataRelationsCmd) Run(c *console) error {
	result := relationsResult{From: v.From, Marking: relations.Marking(v.Marking), Differences: []string{}, Warnings: []string{}}
	examples, err := v.read(&result)
	if err != nil {
		return err
	}
	result.Differences = append(result.Differences, relations.Differences(v.From, examples)...)
	for _, line := range slices.Concat(result.Warnings, result.Differences) {
		c.log.Warn(line)
	}
	if equal := relations.Agreement(v.From, examples); equal != "" {
		c.log.Info(equal)
	}
	if examples, err = v.arrange(examples); err != nil {
		return err
	}
	if result.Files, err = v.files(examples); err != nil {
		return err
	}
	var written []relations.Example
	for i := range result.Files {
		if err := result.Files[i].write(result.Marking); err != nil {
			return err
		}
		written = append(written, result.Files[i].examples...)
	}
	result.Counts = relations.CountPairs(written)
	if err := writeResult(v.Result, result); err != nil {
		return err
	}
	if v.JSON {
		return c.printJSON(result)
	}
	return result.print(c.out)
}

func (v *dataRelationsCmd) read(result *relationsResult) ([]relations.Example, error) {
	o := relations.Options{Warn: func(line string) { result.Warnings = append(result.Warnings, line) }}
	switch len(v.Types) {
	case 0:
	case 2:
		o.Types = [2]string{v.Types[0], v.Types[1]}
	default:
		return nil, misusef("--types names %d types, want two, such as Chemical,Disease", len(v.Types))
	}
	if relations.NeedsSentences(v.From) {
		splitter, err := corpus.NewSplitter()
		if err != nil {
			return nil, err
		}
		o.Sentences = splitter.Split
	}
	if _, err := os.Stat(v.In); errors.Is(err, fs.ErrNotExist) {
		return nil, misused(fmt.Errorf("%s: no such file or folder", v.In))
	}
	examples, err := relations.Collect(relations.Read(v.From, v.In, o))
	if err == nil && len(examples) == 0 {
		err = fmt.Errorf("%s: no pair of mentions in it", v.In)
	}
	return examples, err
}

// arrange makes the splits and folds that were asked for.
func (v *dataRelationsCmd) arrange(examples []relations.Example) ([]relations.Example, error) {
	if v.Only != "" {
		text, err := os.ReadFile(v.Only)
		if err != nil {
			return nil, err
		}
		kept, unmet := relations.Pick(examples, strings.Fields(string(text)))
		if len(unmet) > 0 {
			return nil, fmt.Errorf("%s: the corpus has no pair or document %s (%d such names)", v.Only, unmet[0], len(unmet))
		}
		examples = kept
	}
	if v.Folds != 0 {
		dealt, err := relations.AssignFolds(examples, relations.ByDocument, v.Folds, v.Seed)
		if err != nil {
			return nil, misused(err)
		}
		examples = dealt
	}
	if v.Fold != nil {
		if err := testOnFold(examples, *v.Fold); err != nil {
			return nil, err
		}
	}
	if v.Fold != nil || v.Folds != 0 {
		if err := relations.CheckFolds(examples, relations.Negative(v.From)); err != nil {
			return nil, err
		}
	}
	if v.DevFraction == 0 {
		return examples, nil
	}
	return v.holdDev(examples)
}

// testOnFold sets the split of examples: fold n is test, the others are train.
func testOnFold(examples []relations.Example, n int) error {
	last := relations.NoFold
	for _, e := range examples {
		last = max(last, e.Fold)
	}
	if n < 0 || n > last {
		return misusef("--fold %d: the corpus has %d folds, counted from 0 (--folds makes some)", n, last+1)
	}
	for i := range examples {
		if examples[i].Split = "train"; examples[i].Fold == n {
			examples[i].Split = "test"
		}
	}
	return nil
}

// holdDev turns a part of train, or of a corpus without splits, into dev.
func (v *dataRelationsCmd) holdDev(examples []relations.Example) ([]relations.Example, error) {
	bySplit := map[string][]relations.Example{}
	for _, e := range examples {
		s := cmp.Or(e.Split, "train")
		bySplit[s] = append(bySplit[s], e)
	}
	if len(bySplit["dev"]) > 0 {
		return nil, misusef("--dev-fraction: the corpus has a dev split of its own")
	}
	rest, held, err := relations.Hold(bySplit["train"], relations.Unit(v.DevBy), v.DevFraction, v.Seed)
	if err != nil {
		return nil, misused(err)
	}
	for i := range rest {
		rest[i].Split = "train"
	}
	for i := range held {
		held[i].Split = "dev"
	}
	return slices.Concat(rest, held, bySplit["test"]), nil
}

// files says which examples go to which file.
func (v *dataRelationsCmd) files(examples []relations.Example) ([]relationsFile, error) {
	if v.Split != "all" {
		examples = slices.DeleteFunc(slices.Clone(examples), func(e relations.Example) bool { return e.Split != v.Split })
		if len(examples) == 0 {
			return nil, misusef("--split %s: the corpus has no such split (--fold and --dev-fraction make some)", v.Split)
		}
	}
	if !isFolder(v.Out) {
		return []relationsFile{{v.Out, len(examples), examples}}, nil
	}
	if err := os.MkdirAll(v.Out, 0o755); err != nil {
		return nil, err
	}
	var out []relationsFile
	for _, e := range examples {
		path := filepath.Join(v.Out, v.part(e)+".tsv")
		i := slices.IndexFunc(out, func(f relationsFile) bool { return f.Path == path })
		if i < 0 {
			i = len(out)
			out = append(out, relationsFile{Path: path})
		}
		out[i].Pairs++
		out[i].examples = append(out[i].examples, e)
	}
	return out, nil
}

// part names the file of e in a folder.
func (v *dataRelationsCmd) part(e relations.Example) string {
	if e.Split == "" && e.Fold != relations.NoFold {
		return fmt.Sprintf("fold-%d", e.Fold)
	}
	return cmp.Or(e.Split, "all")
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return strings.HasSuffix(name, string(filepath.Separator)) || err == nil && info.IsDir()
}

// write writes the file whole or not at all.
func (f *relationsFile) write(m relations.Marking) error {
	var text bytes.Buffer
	err := relations.WriteTSV(&text, func(yield func(relations.Row) bool) {
		for _, e := range f.examples {
			if !yield(relations.RowOf(e, m)) {
				return
			}
		}
	})
	if err != nil {
		return err
	}
	return renameio.WriteFile(f.Path, text.Bytes(), 0o644)
}

func (r *relationsResult) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, n := range r.Counts {
		var labels []string
		for _, l := range slices.Sorted(maps.Keys(n.Labels)) {
			labels = append(labels, fmt.Sprintf("%s %d", cmp.Or(l, "(no label)"), n.Labels[l]))
		}
		fmt.Fprintf(t, "%s\t%d pairs\t%s\n", cmp.Or(n.Split, "all"), n.Pairs, strings.Join(labels, ", "))
	}
	for _, f := range r.Files {
		fmt.Fprintf(t, "wrote %s\t%d rows\n", f.Path, f.Pairs)
	}
	return t.Flush()
}
