package madeup

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"

	"github.com/subbert/subbert/data/vocabulary"
	"github.com/subbert/subbert/internal/atomicfile"
)

// Config is the size of a sample, and the seed of its sentences.
type Config struct {
	Seed       uint64
	Documents  int
	Train      int // marked sentences for training
	Dev        int
	Test       int
	Vocabulary int // tokens
}

// Default is the sample of the quickstart: minutes of work for two cores.
func Default() Config {
	return Config{Seed: 1, Documents: 4000, Train: 4000, Dev: 500, Test: 1000, Vocabulary: 2000}
}

// Files are the paths of a written sample.
type Files struct {
	Documents, Train, Dev, Test, Vocabulary, Notice string
}

// Write makes the sample and writes its files into dir, which it creates. Each file is complete or absent.
func Write(dir string, c Config) (Files, error) {
	f := Files{
		Documents:  filepath.Join(dir, "documents.jsonl"),
		Train:      filepath.Join(dir, "train.tsv"),
		Dev:        filepath.Join(dir, "dev.tsv"),
		Test:       filepath.Join(dir, "test.tsv"),
		Vocabulary: filepath.Join(dir, "vocab.txt"),
		Notice:     filepath.Join(dir, "README.txt"),
	}
	// The three sets of sentences have different seeds.
	docs, train := Documents(c.Seed, c.Documents), Relations(3*c.Seed, c.Train)
	tokens, err := Vocabulary(docs, train, c.Vocabulary)
	if err != nil {
		return Files{}, err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return Files{}, fmt.Errorf("madeup: %w", err)
	}
	for _, out := range []struct {
		path  string
		write func(io.Writer) error
	}{
		{f.Notice, func(w io.Writer) error { return writeNotice(w, c) }},
		{f.Documents, func(w io.Writer) error { return WriteDocuments(w, docs) }},
		{f.Train, func(w io.Writer) error { return WriteRelations(w, train) }},
		{f.Dev, func(w io.Writer) error { return WriteRelations(w, Relations(3*c.Seed+1, c.Dev)) }},
		{f.Test, func(w io.Writer) error { return WriteRelations(w, Relations(3*c.Seed+2, c.Test)) }},
		{f.Vocabulary, func(w io.Writer) error { return vocabulary.Write(w, tokens) }},
	} {
		if err := writeFile(out.path, out.write); err != nil {
			return Files{}, err
		}
	}
	return f, nil
}

// Vocabulary learns a cased WordPiece vocabulary of at most size tokens from the documents and relations.
func Vocabulary(docs []Document, relations []Relation, size int) ([]string, error) {
	return vocabulary.Learn(texts(docs, relations), size)
}

func texts(docs []Document, relations []Relation) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, d := range docs {
			if !yield(d.Title) || !yield(d.Abstract) {
				return
			}
		}
		for _, r := range relations {
			if !yield(r.Sentence) {
				return
			}
		}
	}
}

// WriteDocuments writes one JSON object a line.
func WriteDocuments(w io.Writer, docs []Document) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, d := range docs {
		if err := enc.Encode(d); err != nil {
			return fmt.Errorf("madeup: document %s: %w", d.ID, err)
		}
	}
	return nil
}

// WriteRelations writes a header and index, sentence and label, separated by tabs. No sentence has a tab.
func WriteRelations(w io.Writer, relations []Relation) error {
	if _, err := io.WriteString(w, "index\tsentence\tlabel\n"); err != nil {
		return fmt.Errorf("madeup: %w", err)
	}
	for _, r := range relations {
		if _, err := fmt.Fprintf(w, "%s\t%s\t%s\n", r.Index, r.Sentence, r.Label); err != nil {
			return fmt.Errorf("madeup: relation %s: %w", r.Index, err)
		}
	}
	return nil
}

// writeNotice describes the content of the directory.
func writeNotice(w io.Writer, c Config) error {
	_, err := fmt.Fprintf(w, `Everything in this directory was %s.

documents.jsonl  %d abstracts, a JSON object a line
train.tsv        %d sentences with two drugs marked: index, sentence, label
dev.tsv          %d
test.tsv         %d
vocab.txt        a WordPiece vocabulary learned from documents.jsonl and train.tsv

Seed %d. The same seed and sizes make the same files.
`, Notice, c.Documents, c.Train, c.Dev, c.Test, c.Seed)
	return err
}

// writeFile writes path whole or not at all.
func writeFile(path string, write func(io.Writer) error) error {
	err := atomicfile.Write(path, func(w io.Writer) error {
		b := bufio.NewWriter(w)
		return errors.Join(write(b), b.Flush())
	})
	if err != nil {
		return fmt.Errorf("madeup: %w", err)
	}
	return nil
}
