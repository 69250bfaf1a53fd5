package reproduce

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"github.com/subbert/subbert/internal/boundedtoml"
)

// Kinds of experiments.
const (
	Scores    = "scores"
	Counts    = "counts"
	Losses    = "losses"
	Probes    = "probes"
	Stems     = "stems"
	Sentences = "sentences"
	Power     = "power"
)

// Experiment is a table or a figure.
type Experiment struct {
	ID      string   `toml:"-"` // the name of its file, without .toml
	Title   string   `toml:"title"`
	Where   string   `toml:"where"` // where it is in the paper
	Claim   string   `toml:"claim"`
	Kind    string   `toml:"kind"`
	Remarks []string `toml:"remarks"`
	Scales  []string `toml:"scales"` // scales at which it is run; empty: all

	Corpora []string `toml:"columns"` // columns that are corpora
	Columns []Column `toml:"column"`
	Of      Row      `toml:"of"` // defaults of all rows
	Rows    []Row    `toml:"row"`
	Claims  []string `toml:"claims"` // of power: experiments whose rows with Against are claims
}

// Column is one column of an experiment.
type Column struct {
	Label  string `toml:"label"`
	Corpus string `toml:"corpus"` // of scores, probes, stems, sentences
	Domain string `toml:"domain"` // of losses: the domain of the held-out text
	Score  string `toml:"score"`  // of scores: p, r or f1 (the default)
	Split  string `toml:"split"`  // of counts: empty is the whole corpus, "positive" all related pairs
}

// Row is one row of an experiment.
type Row struct {
	Label      string         `toml:"label"`
	Corpus     string         `toml:"corpus"` // of counts
	Model      string         `toml:"model"`
	Domain     string         `toml:"domain"`     // the domain it was adapted to; empty: not adapted
	Adaptation map[string]any `toml:"adaptation"` // overrides the scale's adaptation
	Finetuning map[string]any `toml:"finetuning"` // overrides the scale's fine-tuning
	AllLayers  bool           `toml:"all_layers"` // [CLS] of every layer but the embeddings, concatenated
	Short      bool           `toml:"short"`      // use the scale's short rows
	Value      string         `toml:"value"`      // of probes: first, last, delta, random or shuffled
	Against    string         `toml:"against"`    // the row to compare this one with
	Claimed    string         `toml:"claimed"`    // how the paper says, without numbers, that it compares: better or worse; empty: it does not say
	NotRun     string         `toml:"not_run"`    // why it is never run

	Published []float64 `toml:"published"` // of each column; NaN if the paper has none
	Words     []string  `toml:"words"`     // of stems: the published ones
}

// published returns the published number of column i.
func (r Row) published(i int) (float64, bool) {
	if i >= len(r.Published) || math.IsNaN(r.Published[i]) {
		return 0, false
	}
	return r.Published[i], true
}

// notInPaper is the place of an experiment that the paper does not have.
const notInPaper = "not in the paper"

// order is that of the paper, followed by the experiments that it does not have.
var order = []string{"table1", "table2", "table3", "table4", "table5", "table6", "table7", "table8", "fig1", "fig2", "subdomains", "ablation", "full", "release", "power"}

// ReadExperiments reads the experiments at the root of files, in the paper's order.
func ReadExperiments(files fs.FS) ([]*Experiment, error) {
	names, err := fs.Glob(files, "*.toml")
	if err != nil {
		return nil, err
	}
	var all []*Experiment
	for _, name := range names {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, err
		}
		e, err := ParseExperiment(name, text)
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	place := func(e *Experiment) int {
		if i := slices.Index(order, e.ID); i >= 0 {
			return i
		}
		return len(order)
	}
	slices.SortStableFunc(all, func(a, b *Experiment) int { return place(a) - place(b) })
	return all, nil
}

// ParseExperiment reads the text of the file called name.
func ParseExperiment(name string, text []byte) (*Experiment, error) {
	e := &Experiment{}
	if err := decode(name, text, e); err != nil {
		return nil, err
	}
	e.ID = strings.TrimSuffix(path.Base(name), ".toml")
	for _, c := range e.Corpora {
		e.Columns = append(e.Columns, Column{Corpus: c})
	}
	for i := range e.Columns {
		if e.Columns[i].Score == "" {
			e.Columns[i].Score = "f1"
		}
	}
	for i, r := range e.Rows {
		e.Rows[i] = r.over(e.Of)
	}
	if err := e.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return e, nil
}

// over fills the empty fields of r from of.
func (r Row) over(of Row) Row {
	if r.Model == "" {
		r.Model = of.Model
	}
	if r.Domain == "" {
		r.Domain = of.Domain
	}
	if r.Finetuning == nil {
		r.Finetuning = of.Finetuning
	}
	if r.Adaptation == nil {
		r.Adaptation = of.Adaptation
	}
	return r
}

// decode decodes TOML strictly.
func decode(name string, text []byte, to any) error {
	meta, err := boundedtoml.Decode(string(text), to)
	var at toml.ParseError
	if errors.As(err, &at) {
		return fmt.Errorf("%s: line %d: %s", name, at.Position.Line, at.Message)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for _, key := range meta.Undecoded() {
		if !free(key) {
			return fmt.Errorf("%s: unknown key %s", name, key)
		}
	}
	return nil
}

// free reports whether a key is in a table of settings, which the run that uses them checks.
func free(key toml.Key) bool {
	return slices.ContainsFunc(key[:len(key)-1], func(part string) bool {
		return slices.Contains([]string{"architecture", "pretraining", "adaptation", "finetuning", "probing"}, part)
	})
}

// check reports every fault that can be found in the file alone.
func (e *Experiment) check() error {
	var errs []error
	fault := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	kinds := []string{Scores, Counts, Losses, Probes, Stems, Sentences, Power}
	fault(!slices.Contains(kinds, e.Kind), "kind = %q, want one of %s", e.Kind, strings.Join(kinds, ", "))
	fault(e.Title == "" || e.Where == "", "title = %q, where = %q: want both", e.Title, e.Where)
	fault(e.Kind == Power && len(e.Claims) == 0, "claims: want at least one experiment")
	fault(e.Kind != Power && (len(e.Rows) == 0 || len(e.Columns) == 0), "%d rows and %d columns, want at least one of each", len(e.Rows), len(e.Columns))
	seen := map[string]bool{}
	for _, r := range e.Rows {
		fault(seen[r.Label], "row %q: duplicate label", r.Label)
		fault(r.Against != "" && !seen[r.Against], "row %q: against = %q is not a row above it", r.Label, r.Against)
		fault(r.Claimed != "" && r.Claimed != Better && r.Claimed != Worse, "row %q: claimed = %q, want %s or %s", r.Label, r.Claimed, Better, Worse)
		fault(r.Claimed != "" && (r.Against == "" || r.Published != nil), "row %q: claimed goes with against, and not with published numbers", r.Label)
		fault(r.Published != nil && len(r.Published) != len(e.Columns), "row %q: %d published numbers for %d columns", r.Label, len(r.Published), len(e.Columns))
		fault(r.Words != nil && len(r.Words) != len(e.Columns), "row %q: %d words for %d columns", r.Label, len(r.Words), len(e.Columns))
		seen[r.Label] = true
	}
	return errors.Join(errs...)
}

// row returns the row with that label.
func (e *Experiment) row(label string) Row {
	return e.Rows[slices.IndexFunc(e.Rows, func(r Row) bool { return r.Label == label })]
}

// Choose finds the named experiments: by their ID, all of them by "all", or a file NAME.toml, which readFile reads. All
// has those and the experiments that they refer to.
func Choose(known []*Experiment, names []string, readFile func(string) ([]byte, error)) (all, chosen []*Experiment, err error) {
	for _, name := range names {
		switch {
		case name == "all":
			chosen = append(chosen, known...)
		case strings.HasSuffix(name, ".toml"):
			text, err := readFile(name)
			if err != nil {
				return nil, nil, err
			}
			e, err := ParseExperiment(name, text)
			if err != nil {
				return nil, nil, err
			}
			chosen = append(chosen, e)
		default:
			i := slices.IndexFunc(known, func(e *Experiment) bool { return e.ID == name })
			if i < 0 {
				return nil, nil, fmt.Errorf("unknown %q, want all, %s, or a file NAME.toml", name, strings.Join(ids(known), ", "))
			}
			chosen = append(chosen, known[i])
		}
	}
	all = slices.Clone(chosen)
	for _, e := range chosen {
		for _, k := range known {
			if slices.Contains(e.Claims, k.ID) && !slices.Contains(ids(all), k.ID) {
				all = append(all, k)
			}
		}
	}
	return all, chosen, nil
}

func ids(experiments []*Experiment) []string {
	var out []string
	for _, e := range experiments {
		out = append(out, e.ID)
	}
	return out
}
