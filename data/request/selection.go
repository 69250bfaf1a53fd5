package request

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/corpus/query"
	"github.com/subbert/subbert/data/forms"
	"github.com/subbert/subbert/data/selection"
)

// Selection is a request to select documents. Its fields are the flags of data select.
type Selection struct {
	Query    string
	Preset   string // pg, drug, cp or empty
	Mode     string // lexical, mesh or entity; if empty, the other fields decide
	Mesh     string // file of descriptors
	Entities []string
	Tables   []string // tables of PubTator
	Exclude  []string // FILE or FORMAT:CORPUS
	Share    []string // PATTERN=FRACTION
	From     string   // a form of documents, or auto
	Vocab    string   // file, or empty
	Uncased  bool
	Strict   bool
}

// Misuse reports an invalid request.
type Misuse struct{ Err error }

func (m *Misuse) Error() string { return m.Err.Error() }
func (m *Misuse) Unwrap() error { return m.Err }

func misusef(format string, args ...any) error { return &Misuse{fmt.Errorf(format, args...)} }

// Aids returns pointers to the fields with the names of files that Plan opens. An entry of Exclude may start with a
// format.
func (s *Selection) Aids() []*string {
	aids := []*string{&s.Mesh, &s.Vocab}
	for _, names := range [][]string{s.Tables, s.Exclude} {
		for i := range names {
			aids = append(aids, &names[i])
		}
	}
	return aids
}

// preset is a corpus of the paper.
type preset struct {
	query, mode string
	entities    []string
}

func presets() map[string]preset {
	return map[string]preset{
		"pg":   {query: "protein OR gene", mode: "mesh"},
		"drug": {query: "drug", mode: "mesh"},
		"cp":   {mode: "entity", entities: []string{"gene", "chemical"}},
	}
}

// Plan opens the files on which the selection from files depends and returns the plan. It fails when ctx ends. The plan
// has no Out, one worker, and callbacks for progress and broken documents that do nothing.
func (s Selection) Plan(ctx context.Context, files []string, log *slog.Logger) (selection.Plan, error) {
	if err := s.fillIn(log); err != nil {
		return selection.Plan{}, err
	}
	p := planning{ctx: ctx, Selection: s, log: log, plan: selection.Plan{Files: files, Format: forms.Form(s.From),
		Mode: selection.Mode(s.Mode), Preset: s.Preset, Strict: s.Strict, Workers: 1,
		Broken: func(error) {}, Warn: func(line string) { log.Warn(line) }, Progress: func(selection.Progress) {}}}
	var err error
	if p.plan.Splitter, err = corpus.NewSplitter(); err != nil {
		return p.plan, err
	}
	for _, step := range []func() error{p.query, p.entities, p.exclude, p.shares, p.tokenizer} {
		if err := step(); err != nil {
			return p.plan, err
		}
	}
	return p.plan, nil
}

// planning is the state of Plan.
type planning struct {
	ctx context.Context
	Selection
	log  *slog.Logger
	plan selection.Plan
}

// fillIn sets empty fields from the preset and the other fields.
func (s *Selection) fillIn(log *slog.Logger) error {
	if p, ok := presets()[s.Preset]; ok {
		if s.Query != "" {
			return misusef("--preset %s sets the query; leave --query out", s.Preset)
		}
		s.Query = p.query
		if len(s.Entities) == 0 {
			s.Entities = p.entities
		}
		if s.Mode == "" && p.mode == "mesh" && s.Mesh == "" {
			log.Warn("without --mesh the query matches words only; the paper's search also matched MeSH headings", "preset", s.Preset)
			p.mode = "lexical"
		}
		s.Mode = cmp.Or(s.Mode, p.mode)
	}
	if s.Mode == "" && len(s.Entities) > 0 {
		s.Mode = "entity"
	}
	s.Mode = cmp.Or(s.Mode, "lexical")
	s.From = cmp.Or(s.From, string(forms.Auto))
	switch {
	case s.Mode == "entity" && len(s.Entities) == 0:
		return misusef("--mode entity: no --entities given, such as gene,chemical")
	case s.Mode != "entity" && len(s.Entities) > 0:
		return misusef("--entities requires --mode entity, not %s", s.Mode)
	case s.Mode == "mesh" && s.Mesh == "":
		return misusef("--mode mesh: no --mesh given; download desc20YY.xml for the year of the files from NLM")
	case s.Query == "" && s.Mode != "entity":
		return misusef("no --query or --preset given; --query 'protein OR gene', for example")
	}
	return nil
}

// shares parses Share.
func (p *planning) shares() error {
	for _, s := range p.Share {
		share, ok := selection.ParseShare(s)
		if !ok {
			return misusef("--share %s, want PATTERN=FRACTION, the fraction from 0 to 1, such as 'notes*=0.1'", s)
		}
		used := false
		for _, file := range p.plan.Files {
			used = used || share.Of(file)
		}
		if !used {
			return misusef("--share %s: no file matches the pattern", s)
		}
		p.plan.Shares = append(p.plan.Shares, share)
	}
	return nil
}

func (p *planning) tokenizer() error {
	if p.Vocab == "" {
		return nil
	}
	t, _, err := OpenTokenizer(p.Vocab, p.Uncased, 0)
	if err != nil {
		return err
	}
	vocab := t.Vocabulary()
	p.plan.Tokenizer = &selection.Tokenizer{Vocabulary: vocab.Hash(), Unknown: vocab.Special().Unk,
		New: func() selection.Appender { return t.Clone() }}
	return nil
}

// query parses Query and looks up its headings.
func (p *planning) query() error {
	if p.Query == "" {
		return nil
	}
	q, err := query.Parse(p.Query)
	if err != nil {
		return &Misuse{err}
	}
	if tags := q.NeedsRecords(); len(tags) > 0 && p.From != "auto" && p.From != "pubmed-xml" {
		return misusef("[%s] requires PubMed's XML, not %s", strings.Join(tags, "] ["), p.From)
	}
	if p.Mesh == "" {
		if q.NeedsMeSH() {
			return misusef("the query has MeSH headings; give the descriptors with --mesh desc20YY.xml")
		}
		p.plan.Query = q
		return nil
	}
	vocabulary, err := p.descriptors()
	if err != nil {
		return err
	}
	if p.plan.Query, err = q.Expand(vocabulary, p.Mode == "mesh"); err != nil {
		return &Misuse{err}
	}
	return nil
}
