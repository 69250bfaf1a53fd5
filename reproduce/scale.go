package reproduce

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/subbert/subbert/internal/boundedtoml"
	"github.com/subbert/subbert/internal/readable"
)

// Scale says how large everything is. Its tables of settings are those of a run's file (docs/config.md).
type Scale struct {
	Name    string  `toml:"-"` // the name of its file, without .toml
	About   string  `toml:"about"`
	Smoke   bool    `toml:"smoke_test"` // shows that every path works; too small for claims
	Seeds   int     `toml:"seeds"`
	Short   int     `toml:"short"`    // positions of a row if an experiment asks for the release's length
	Presets bool    `toml:"presets"`  // start from the paper's settings for each model
	HeldOut float64 `toml:"held_out"` // fraction of the documents of a text that is kept out of training

	Architecture map[string]any       `toml:"architecture"` // config.json of the stand-ins; without stand-ins, of the forecast models
	StandIns     map[string]StandIn   `toml:"stand_in"`     // by model
	Texts        []Text               `toml:"text"`         // "base" is the text that stand-ins are pre-trained on
	Pretraining  map[string]any       `toml:"pretraining"`  // of stand-ins
	Adaptation   map[string]any       `toml:"adaptation"`   // to a text
	Finetuning   map[string]any       `toml:"finetuning"`
	Probing      map[string]any       `toml:"probing"`
	Evaluation   Arguments            `toml:"evaluation"`
	Attention    Arguments            `toml:"attention"`
	Models       map[string]Overrides `toml:"model"`
	Corpora      map[string]Overrides `toml:"corpus"`
	First        []Headline           `toml:"first"` // cells to run before the rest, in this order
	Forecast     Speed                `toml:"forecast"`
}

// StandIn is trained in place of published weights: from random weights with the vocabulary Vocab, or from another
// published encoder.
type StandIn struct {
	Label   string `toml:"label"`
	Encoder string `toml:"encoder"` // a model of the sources
	Vocab   string `toml:"vocab"`   // under the data directory
	SHA256  string `toml:"vocab_sha256"`
}

// Headline names cells of an experiment.
type Headline struct {
	Experiment string   `toml:"experiment"`
	Rows       []string `toml:"rows"`
	Columns    []string `toml:"columns"` // corpora or domains; empty: all
}

// holds reports whether h names the cell.
func (h Headline) holds(e *Experiment, r Row, c Column) bool {
	return h.Experiment == e.ID && slices.Contains(h.Rows, r.Label) &&
		(len(h.Columns) == 0 || slices.Contains(h.Columns, c.Corpus) || slices.Contains(h.Columns, c.Domain))
}

// Text is a set of documents for pre-training.
type Text struct {
	Name      string   `toml:"name"`
	Label     string   `toml:"label"`
	Files     []string `toml:"files"`  // patterns under the data directory
	Aids      []string `toml:"aids"`   // flags, each with a file under the data directory
	Select    []string `toml:"select"` // arguments of subbert data select
	Abstracts int      `toml:"abstracts"`
	Obtain    string   `toml:"obtain"`
}

// Arguments are further arguments of a verb.
type Arguments struct {
	Arguments []string `toml:"arguments"`
}

// Overrides are the settings of one model or corpus that override those of the scale.
type Overrides struct {
	Pretraining map[string]any `toml:"pretraining"`
	Adaptation  map[string]any `toml:"adaptation"`
	Finetuning  map[string]any `toml:"finetuning"`
	Probing     map[string]any `toml:"probing"`
}

// Speed is the measured speed for a forecast of hours: positions a second, and the time to start and compile.
type Speed struct {
	On           string  `toml:"on"` // where it was measured
	Pretrain     float64 `toml:"pretrain"`
	Finetune     float64 `toml:"finetune"`
	StartSeconds float64 `toml:"start_seconds"`
}

// String says what hours are forecast from, for people.
func (s Speed) String() string {
	return fmt.Sprintf("hours assume %.0f positions per second in pre-training and %.0f in fine-tuning, and %s to start a run, on %s", s.Pretrain, s.Finetune, readable.Seconds(s.StartSeconds), s.On)
}

// ReadScale reads scale/NAME.toml of files, or the file called name if that ends in .toml.
func ReadScale(files fs.FS, name string) (*Scale, error) {
	if strings.HasSuffix(name, ".toml") {
		text, err := boundedtoml.Read(name)
		if err != nil {
			return nil, err
		}
		return parseScale(name, text)
	}
	names, err := fs.Glob(files, "scale/*.toml")
	if err != nil {
		return nil, err
	}
	file := "scale/" + name + ".toml"
	if !slices.Contains(names, file) {
		for i, n := range names {
			names[i] = strings.TrimSuffix(path.Base(n), ".toml")
		}
		return nil, fmt.Errorf("unknown scale %q, want %s, or a file NAME.toml", name, strings.Join(names, ", "))
	}
	text, err := fs.ReadFile(files, file)
	if err != nil {
		return nil, err
	}
	return parseScale(file, text)
}

// parseScale reads the text of the file called name.
func parseScale(name string, text []byte) (*Scale, error) {
	s := &Scale{Name: strings.TrimSuffix(path.Base(name), ".toml")}
	if err := decode(name, text, s); err != nil {
		return nil, err
	}
	if s.Seeds < 1 {
		return nil, fmt.Errorf("%s: seeds = %d, want at least 1", name, s.Seeds)
	}
	return s, nil
}

func (s *Scale) text(name string) (Text, bool) {
	i := slices.IndexFunc(s.Texts, func(t Text) bool { return t.Name == name })
	if i < 0 {
		return Text{}, false
	}
	return s.Texts[i], true
}
