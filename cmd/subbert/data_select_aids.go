package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/corpus"
	"github.com/subbert/subbert/data/corpus/mesh"
	"github.com/subbert/subbert/data/corpus/pubmed"
	"github.com/subbert/subbert/data/corpus/pubtator"
	"github.com/subbert/subbert/data/relations"
	"github.com/subbert/subbert/data/selection"
)

// descriptors opens --mesh and warns if its year is not that of the files.
func (v *dataSelectCmd) descriptors(c *console, plan *selection.Plan) (*mesh.Vocabulary, error) {
	want := 0
	for _, name := range plan.Files {
		if year, _, ok := pubmed.Number(name); ok {
			want = 2000 + year
		}
	}
	if err := addAid(plan, "MeSH descriptors", v.Mesh); err != nil {
		return nil, err
	}
	return mesh.Open(v.Mesh, want, c.log)
}

// entities reads --tables.
func (v *dataSelectCmd) entities(c *console, plan *selection.Plan) error {
	if v.Mode != "entity" {
		return nil
	}
	plan.Entities = &selection.Entities{Types: v.Entities}
	if len(v.Tables) == 0 {
		if v.From != "pubtator" && v.From != "bioc" && v.From != "auto" {
			return misusef("--mode entity: files of %s do not say what they name; give PubTator's tables with --tables, one for each type", v.From)
		}
		return nil
	}
	table, err := pubtator.NewEntities(v.Entities...)
	if err != nil {
		return misused(err)
	}
	o := pubtator.Options{Strict: v.Strict, Fault: func(f pubtator.Fault) { c.log.Warn("passed over", "row", f) }}
	for _, name := range v.Tables {
		if err := table.AddFile(name, o); err != nil {
			return err
		}
		if err := addAid(plan, "PubTator table", name); err != nil {
			return err
		}
	}
	for _, typ := range v.Entities {
		if table.Rows(typ) == 0 {
			return misusef("no row of the --tables is of type %s; is a table missing?", typ)
		}
	}
	plan.Entities.Table = table
	return nil
}

// exclude reads --exclude: lists of identifiers, and relation corpora.
func (v *dataSelectCmd) exclude(c *console, plan *selection.Plan) error {
	for _, name := range v.Exclude {
		if plan.Exclude == nil {
			plan.Exclude = &selection.Exclusion{}
		}
		format, path, isCorpus := strings.Cut(name, ":")
		if isCorpus && !slices.Contains(relations.Formats(), format) {
			return misusef("--exclude %s: no format %q, want one of %s", name, format, strings.Join(relations.Formats(), ", "))
		}
		var err error
		if isCorpus {
			err = excludeCorpus(plan.Exclude, format, path, plan.Splitter)
		} else {
			path = name
			err = excludeList(plan.Exclude, path)
		}
		if err != nil {
			return err
		}
		if err := addAid(plan, "excluded", path); err != nil {
			return err
		}
	}
	if plan.Exclude != nil {
		ids, sentences := plan.Exclude.Len()
		c.log.Info("excluding", "identifiers", ids, "sentences", sentences)
	}
	return nil
}

func excludeList(x *selection.Exclusion, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close() // only read from
	number := 0
	for line, err := range corpus.Lines(f, name) {
		if err != nil {
			return err
		}
		number++
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); strings.ContainsAny(line, " \t") {
			return fmt.Errorf("%s: line %d: %.40q is no identifier; want one a line, or FORMAT:CORPUS", name, number, line)
		}
		if line != "" {
			x.AddID(line)
		}
	}
	return nil
}

func excludeCorpus(x *selection.Exclusion, format, path string, splitter *corpus.Splitter) error {
	o := relations.Options{Warn: func(string) {}} // data relations tells
	if relations.NeedsSentences(format) {
		o.Sentences = func(text string) []relations.Span { return sentenceSpans(splitter, text) }
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

// addAid records a file, or the files of a directory, that the selection depends on.
func addAid(plan *selection.Plan, role, path string) error {
	h := sha256.New()
	err := filepath.WalkDir(path, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := os.Open(name)
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
