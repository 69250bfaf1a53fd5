package request

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/corpus/mesh"
	"github.com/subbert/subbert/data/corpus/pubmed"
	"github.com/subbert/subbert/data/corpus/pubtator"
	"github.com/subbert/subbert/data/corpus/stream"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/selection"
	"github.com/subbert/subbert/data/text"
	"github.com/subbert/subbert/internal/ctxio"
)

// descriptors opens Mesh and warns if its year differs from that of the files.
func (p *planning) descriptors() (*mesh.Vocabulary, error) {
	want := 0
	for _, name := range p.plan.Files {
		if year, _, ok := pubmed.Number(name); ok {
			want = 2000 + year
		}
	}
	if err := addAid(p.ctx, &p.plan, "MeSH descriptors", p.Mesh); err != nil {
		return nil, err
	}
	return mesh.Open(p.ctx, p.Mesh, want, p.log)
}

// maxFaults is the number of broken rows that get a log line each.
const maxFaults = 20

// entities reads Tables.
func (p *planning) entities() error {
	if p.Mode != "entity" {
		return nil
	}
	p.plan.Entities = &selection.Entities{Types: p.Entities}
	if len(p.Tables) == 0 {
		if p.From != "pubtator" && p.From != "bioc" && p.From != "auto" {
			return misusef("--mode entity: files in the format %s have no entities; give PubTator's tables with --tables, one for each type", p.From)
		}
		return nil
	}
	table, err := pubtator.NewEntities(p.Entities...)
	if err != nil {
		return &Misuse{err}
	}
	broken := 0
	o := pubtator.Options{Strict: p.Strict, Fault: func(f pubtator.Fault) {
		if broken++; broken <= maxFaults {
			p.log.Warn("row skipped", "row", f)
		}
	}}
	for _, name := range p.Tables {
		if err := table.AddFile(p.ctx, name, o); err != nil {
			return err
		}
		if err := addAid(p.ctx, &p.plan, "PubTator table", name); err != nil {
			return err
		}
	}
	if broken > maxFaults {
		p.log.Warn("rows skipped", "rows", broken, "reported", maxFaults)
	}
	for _, typ := range p.Entities {
		if table.Rows(typ) == 0 {
			return misusef("the --tables have no rows of type %s; is a table missing?", typ)
		}
	}
	p.plan.Entities.Table = table
	return nil
}

// exclude reads Exclude: lists of identifiers, and relation corpora.
func (p *planning) exclude() error {
	for _, name := range p.Exclude {
		if p.plan.Exclude == nil {
			p.plan.Exclude = &selection.Exclusion{}
		}
		format, path, isCorpus := strings.Cut(name, ":")
		if isCorpus && !slices.Contains(relations.Formats(), format) {
			return misusef("--exclude %s: no format %q, want one of %s", name, format, strings.Join(relations.Formats(), ", "))
		}
		var err error
		if isCorpus {
			err = excludeCorpus(p.ctx, p.plan.Exclude, format, path, p.plan.Splitter)
		} else {
			path = name
			err = excludeList(p.ctx, p.plan.Exclude, path)
		}
		if err != nil {
			return err
		}
		if err := addAid(p.ctx, &p.plan, "excluded", path); err != nil {
			return err
		}
	}
	if p.plan.Exclude != nil {
		ids, sentences := p.plan.Exclude.Len()
		p.log.Info("excluding", "identifiers", ids, "sentences", sentences)
	}
	return nil
}

func excludeList(ctx context.Context, x *selection.Exclusion, name string) error {
	f, err := ctxio.From(ctx, func() (*stream.File, error) { return stream.Open(name) }, nil)
	if err != nil {
		return err
	}
	defer f.Close() // only read from
	lines := text.NewLines(f)
	for {
		line, err := lines.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		id, _, _ := strings.Cut(string(line), "#")
		if id = strings.TrimSpace(id); strings.ContainsAny(id, " \t") {
			return fmt.Errorf("%s: line %d: %.40q is not an identifier; want one identifier per line, or FORMAT:CORPUS", name, lines.Number(), id)
		}
		if id != "" {
			x.AddID(id)
		}
	}
}

func excludeCorpus(ctx context.Context, x *selection.Exclusion, format, path string, splitter *corpus.Splitter) error {
	o := relations.Options{Context: ctx, Warn: func(string) {}} // the command data relations prints warnings
	if relations.NeedsSentences(format) {
		o.Sentences = splitter.Split
	}
	for e, err := range relations.Read(format, path, o) {
		if err != nil {
			return err
		}
		x.AddID(e.Document)
		x.AddSentence(e.Text)
	}
	return nil
}

// addAid records in the plan a file, or the files of a directory, on which the selection depends.
func addAid(ctx context.Context, plan *selection.Plan, role, path string) error {
	h := sha256.New()
	err := filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := ctxio.Open(ctx, name, nil)
		if err != nil {
			return err
		}
		defer f.Close() // only read from
		_, err = io.Copy(h, f)
		return err
	})
	plan.Aids = append(plan.Aids, selection.Aid{Role: role, Name: filepath.Base(path), SHA256: hex.EncodeToString(h.Sum(nil))})
	return err
}
