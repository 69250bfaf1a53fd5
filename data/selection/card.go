package selection

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/forms"
)

const (
	formatName    = "subbert selection"
	formatVersion = 2
)

// cardName is the file that describes a selection; card.md is the same description for people.
const cardName = "card.json"

// Card describes a selection. It is the content of card.json.
type Card struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
	Settings
	Counts
	Texts
	UnknownRate float64  `json:"unk_rate"` // of the tokens
	Paper       *Paper   `json:"paper,omitempty"`
	Inputs      []Input  `json:"inputs"`
	Missing     []string `json:"missing_inputs,omitempty"` // PubMed's files that are missing between the first and the last
	Parts       []Part   `json:"parts"`
}

// Settings are the settings of a selection.
type Settings struct {
	Preset     string         `json:"preset,omitempty"`
	Mode       Mode           `json:"mode"`     // how the query matches
	Query      string         `json:"query"`    // as written
	Expanded   string         `json:"expanded"` // as parsed
	Headings   map[string]int `json:"mesh_headings,omitempty"`
	Entities   []string       `json:"entities,omitempty"`
	Shares     []Share        `json:"shares,omitempty"`
	Aids       []Aid          `json:"aids,omitempty"`
	Splitter   string         `json:"splitter"`
	Vocabulary string         `json:"vocabulary,omitempty"` // sha256 over its tokens
}

// Aid is an auxiliary file of a selection: MeSH descriptors, PubTator tables, or a list of exclusions.
type Aid struct {
	Role   string `json:"role"`
	Name   string `json:"name"` // without directories
	SHA256 string `json:"sha256"`
}

// card is the card of a selection without counts.
func (p *Plan) card() Card {
	return Card{Format: formatName, Version: formatVersion, Settings: p.settings()}
}

func (p *Plan) settings() Settings {
	out := Settings{Preset: p.Preset, Mode: p.Mode, Expanded: "everything", Shares: p.Shares, Aids: p.Aids, Splitter: p.Splitter.Name()}
	if p.Query != nil {
		out.Query, out.Expanded, out.Headings = p.Query.String(), p.Query.Expanded(), p.Query.Headings()
	}
	if p.Entities != nil {
		out.Entities = p.Entities.Types
		out.Expanded += ", naming at least one " + strings.Join(p.Entities.Types, " and one ")
	}
	return out
}

// FileCounts counts the records of a file, and those that match.
type FileCounts struct {
	Records    int64 `json:"records"`   // without deletions
	Deletions  int64 `json:"deletions"` // in PubMed's files: of records of earlier files
	Broken     int64 `json:"broken"`    // records skipped
	Repeated   int64 `json:"repeated"`  // records of a PMID that occurred before in the file
	Matched    int64 `json:"matched"`
	Excluded   int64 `json:"excluded"`     // of the matching records
	NotInShare int64 `json:"not_in_share"` // of the matching records that are not excluded
}

// Counts counts the records of all files, and the matching ones by result: a matching record is selected, or left
// out for one reason.
type Counts struct {
	FileCounts
	Replaced int64 `json:"replaced_or_deleted"` // by a later record of PubMed
	SameID   int64 `json:"same_id"`
	SameText int64 `json:"same_text"`
}

func (c Counts) String() string {
	s := fmt.Sprintf("%d records, %d match", c.Records, c.Matched)
	for _, of := range []struct {
		n    int64
		what string
	}{{c.Excluded, "excluded"}, {c.NotInShare, "not in the share"}, {c.Replaced, "replaced or deleted later"},
		{c.SameID + c.SameText, "duplicates"}, {c.Broken, "broken records skipped"}} {
		if of.n > 0 {
			s += fmt.Sprintf(", %d %s", of.n, of.what)
		}
	}
	return s
}

// Texts describes the texts of the selected documents.
type Texts struct {
	Selected      int64     `json:"selected"`
	NoAbstract    int64     `json:"selected_without_abstract"` // only a title
	TextBytes     int64     `json:"selected_text_bytes"`
	Words         int64     `json:"words"` // separated by white space
	Sentences     int64     `json:"sentences"`
	Tokens        int64     `json:"tokens"`  // 0 without a vocabulary
	Unknown       int64     `json:"unknown"` // tokens that are [UNK]
	SentenceWords Histogram `json:"sentence_words"`
	DocumentWords Histogram `json:"document_words"`
}

// Histogram counts lengths: Counts[i] counts those of at most UpTo[i], and the last entry those that are
// longer.
type Histogram struct {
	UpTo   []int   `json:"up_to"`
	Counts []int64 `json:"counts"`
}

func newTexts() Texts {
	histogram := func(upTo ...int) Histogram { return Histogram{upTo, make([]int64, len(upTo)+1)} }
	return Texts{SentenceWords: histogram(5, 10, 15, 20, 25, 30, 40, 50, 75, 100),
		DocumentWords: histogram(25, 50, 100, 150, 200, 250, 300, 400, 600, 1000, 5000)}
}

func (h *Histogram) add(n int) {
	i, _ := slices.BinarySearch(h.UpTo, n)
	h.Counts[i]++
}

func (t *Texts) add(o *Texts) {
	t.Selected += o.Selected
	t.NoAbstract += o.NoAbstract
	t.TextBytes += o.TextBytes
	t.Words += o.Words
	t.Sentences += o.Sentences
	t.Tokens += o.Tokens
	t.Unknown += o.Unknown
	for i, n := range o.SentenceWords.Counts {
		t.SentenceWords.Counts[i] += n
	}
	for i, n := range o.DocumentWords.Counts {
		t.DocumentWords.Counts[i] += n
	}
}

// Input is an input file of a selection.
type Input struct {
	Name   string     `json:"name"` // without directories
	Format forms.Form `json:"format"`
	Bytes  int64      `json:"bytes"`
	SHA256 string     `json:"sha256"`
	FileCounts
}

// Part is a file of selected documents.
type Part struct {
	File      string `json:"file"`
	Documents int64  `json:"documents"`
	SHA256    string `json:"sha256"`
}

// Paper compares a selection with the paper's corpus (Su and Vijay-Shanker 2022).
type Paper struct {
	Corpus    string  `json:"corpus"`
	Abstracts int64   `json:"abstracts"`
	Ratio     float64 `json:"ratio"` // of ours to theirs
}

// papers are the sizes of the paper's corpora, by preset.
var papers = map[string]Paper{"pg": {Corpus: "P/G", Abstracts: 7_729_611}, "drug": {Corpus: "D", Abstracts: 5_714_799},
	"cp": {Corpus: "CP", Abstracts: 3_375_380}}

// count adds up the counts of the tasks.
func (s *selector) count() {
	s.card.Texts = newTexts()
	for i := range s.tasks {
		t := &s.tasks[i]
		s.card.Inputs = append(s.card.Inputs, t.Found.Input)
		s.card.FileCounts.add(&t.Found.FileCounts)
		s.card.Texts.add(&t.Part.Texts)
	}
	if s.Tokenizer != nil {
		s.card.Vocabulary = s.Tokenizer.Vocabulary
		s.card.UnknownRate = float64(s.card.Unknown) / float64(max(1, s.card.Tokens))
	}
	if p, ok := papers[s.Preset]; ok {
		p.Ratio = float64(s.card.Selected-s.card.NoAbstract) / float64(p.Abstracts)
		s.card.Paper = &p
	}
}

func (c *FileCounts) add(o *FileCounts) {
	c.Records += o.Records
	c.Deletions += o.Deletions
	c.Broken += o.Broken
	c.Repeated += o.Repeated
	c.Matched += o.Matched
	c.Excluded += o.Excluded
	c.NotInShare += o.NotInShare
}

// ErrNoSelection says that a directory was not made by Run.
var ErrNoSelection = errors.New("no selection")

// Parts returns the names of the files of a selection. The error is ErrNoSelection if dir is a file, or has no card.
func Parts(dir string) ([]string, error) {
	content, err := os.ReadFile(filepath.Join(dir, cardName))
	if err != nil {
		return nil, ErrNoSelection
	}
	var card struct {
		Format  string
		Version int
		Parts   []Part
	}
	if err := json.Unmarshal(content, &card); err != nil {
		return nil, fmt.Errorf("%s: damaged: %w", filepath.Join(dir, cardName), err)
	}
	if card.Format != formatName || card.Version < 1 || card.Version > formatVersion {
		return nil, fmt.Errorf("%s: format %q version %d, want %q version %d", filepath.Join(dir, cardName), card.Format,
			card.Version, formatName, formatVersion)
	}
	var names []string
	for _, p := range card.Parts {
		names = append(names, filepath.Base(p.File))
	}
	return names, nil
}
