package reproduce

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/subbert/subbert/evaluate"
)

// Outcome is what was measured, and why the rest was not. It is what subbert reproduce --json prints.
type Outcome struct {
	Scale    string   `json:"scale"`
	About    string   `json:"about"`
	Seeds    int      `json:"seeds"`
	Backend  string   `json:"backend,omitempty"` // as the first run that says it
	Runs     int      `json:"runs"`
	Seconds  float64  `json:"run_seconds"` // of all runs together
	Used     []string `json:"used"`
	Complete bool     `json:"complete"` // nothing was left to do

	StandIns map[string]string `json:"stand_ins,omitempty"` // what was trained in place of published models, by their labels

	Experiments map[string]map[string][]Measured `json:"experiments"` // by experiment, row and column
}

// Measured is what a cell holds: values, words, or the reason why there are none.
type Measured struct {
	Values []float64 `json:"values,omitempty"` // one a seed
	Words  []string  `json:"words,omitempty"`  // of stems
	Reason string    `json:"not_run,omitempty"`
}

// State is what became of a run.
type State struct {
	Dir  string
	Done bool
	Why  string // not done
}

// ReadOutcome reads the JSON of an Outcome.
func ReadOutcome(text []byte) (*Outcome, error) {
	o := &Outcome{}
	if err := json.Unmarshal(text, o); err != nil {
		return nil, fmt.Errorf("outcome: %w", err)
	}
	return o, nil
}

// cell is what was measured in a cell.
func (o *Outcome) cell(experiment, row string, column int) Measured {
	cells := o.Experiments[experiment][row]
	if column >= len(cells) {
		return Measured{Reason: "not asked for"}
	}
	return cells[column]
}

// Collect reads the cells of a plan from what its runs left. state says where a run is; what is damaged is an error.
func Collect(r Request, p *Plan, state func(run string) State) (*Outcome, error) {
	o := &Outcome{Scale: r.Scale.Name, About: r.Scale.About, Seeds: r.Seeds, Used: p.Used, Complete: true, StandIns: p.StandIns, Experiments: map[string]map[string][]Measured{}}
	if o.Seeds == 0 {
		o.Seeds = r.Scale.Seeds
	}
	byID := map[string]*Experiment{}
	for _, e := range r.Experiments {
		byID[e.ID] = e
	}
	var errs []error
	for _, c := range p.Cells {
		e := byID[c.Experiment]
		m, err := measure(e, c, state)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s, row %q: %w", e.ID, e.Rows[c.Row].Label, err))
		}
		rows := o.Experiments[e.ID]
		if rows == nil {
			rows = map[string][]Measured{}
			o.Experiments[e.ID] = rows
		}
		label := e.Rows[c.Row].Label
		rows[label] = append(rows[label], m)
	}
	for _, run := range p.Graph.Runs {
		o.Runs++
		o.Complete = o.Complete && state(run.Name).Done
	}
	return o, errors.Join(errs...)
}

// measure reads one cell.
func measure(e *Experiment, c Cell, state func(string) State) (Measured, error) {
	if c.Reason != "" {
		return Measured{Reason: c.Reason}, nil
	}
	var m Measured
	for _, name := range c.Runs {
		s := state(name)
		if !s.Done {
			return Measured{Reason: s.Why}, nil
		}
		text, err := os.ReadFile(filepath.Join(s.Dir, "result.json"))
		if errors.Is(err, fs.ErrNotExist) {
			return Measured{Reason: name + " left no result"}, nil
		}
		if err != nil {
			return m, err
		}
		one, err := read(e, e.Rows[c.Row], e.Columns[c.Column], c.Row, text)
		if err != nil {
			return m, fmt.Errorf("%s: %w", filepath.Join(s.Dir, "result.json"), err)
		}
		m.Values, m.Words = append(m.Values, one.Values...), append(m.Words, one.Words...)
	}
	if m.Values == nil && m.Words == nil {
		m.Reason = "nothing of the kind in the corpus"
	}
	return m, nil
}

// read reads what a cell is of out of the result.json of its run.
func read(e *Experiment, r Row, c Column, rank int, text []byte) (Measured, error) {
	switch e.Kind {
	case Counts:
		return readCounts(c.Split, text)
	case Scores:
		return readScores(c.Score, text)
	case Losses:
		var result struct {
			Loss *float64 `json:"mlm_loss"`
		}
		if err := json.Unmarshal(text, &result); err != nil || result.Loss == nil {
			return Measured{}, errors.Join(errors.New("no mlm_loss"), err)
		}
		return Measured{Values: []float64{*result.Loss}}, nil
	case Probes:
		return readProbes(r.Value, text)
	}
	var result struct {
		Attention struct {
			Stems     []evaluate.StemWeight `json:"stems"`
			Sentences []struct{}            `json:"sentences"`
		} `json:"attention"`
	}
	if err := json.Unmarshal(text, &result); err != nil {
		return Measured{}, err
	}
	if e.Kind == Sentences {
		return Measured{Values: []float64{float64(len(result.Attention.Sentences))}}, nil
	}
	if stems := result.Attention.Stems; rank < len(stems) {
		return Measured{Words: []string{stems[rank].Stem}}, nil
	}
	return Measured{}, nil
}

// readScores reads one score of every seed.
func readScores(score string, text []byte) (Measured, error) {
	type micro struct {
		Micro evaluate.PRF `json:"micro"`
	}
	var result struct {
		micro
		Seeds []micro `json:"seeds"`
	}
	if err := json.Unmarshal(text, &result); err != nil {
		return Measured{}, err
	}
	if len(result.Seeds) == 0 {
		result.Seeds = []micro{result.micro}
	}
	var m Measured
	for _, s := range result.Seeds {
		value, ok := map[string]float64{"p": s.Micro.P, "r": s.Micro.R, "f1": s.Micro.F1}[score]
		if !ok {
			return m, fmt.Errorf("score %q, want p, r or f1", score)
		}
		m.Values = append(m.Values, value)
	}
	return m, nil
}

// readCounts reads the number of pairs of a split.
func readCounts(split string, text []byte) (Measured, error) {
	var result struct {
		Counts []struct {
			Split  string         `json:"split"`
			Pairs  int            `json:"pairs"`
			Labels map[string]int `json:"labels"`
		} `json:"counts"`
	}
	if err := json.Unmarshal(text, &result); err != nil {
		return Measured{}, err
	}
	n, met := 0, false
	for _, c := range result.Counts {
		switch split {
		case "":
			n, met = n+c.Pairs, true
		case "positive":
			met = true
			for label, k := range c.Labels {
				if label != "0" && !strings.EqualFold(label, "false") {
					n += k
				}
			}
		case c.Split:
			n, met = n+c.Pairs, true
		}
	}
	if !met {
		return Measured{}, nil
	}
	return Measured{Values: []float64{float64(n)}}, nil
}

// readProbes reads one value of every seed.
func readProbes(value string, text []byte) (Measured, error) {
	var result struct {
		Probe struct {
			Series []struct {
				Of string      `json:"of"`
				F1 [][]float64 `json:"f1"`
			} `json:"series"`
		} `json:"probe"`
	}
	if err := json.Unmarshal(text, &result); err != nil {
		return Measured{}, err
	}
	want := "encoder"
	if value == "random" || value == "shuffled" {
		want = value
	}
	var m Measured
	for _, s := range result.Probe.Series {
		if s.Of != want {
			continue
		}
		for _, f1 := range s.F1 {
			last := len(f1) - 1
			switch {
			case value == "first":
				m.Values = append(m.Values, f1[0])
			case value == "delta" && last > 0:
				m.Values = append(m.Values, f1[last]-f1[last-1])
			default:
				m.Values = append(m.Values, f1[last])
			}
		}
	}
	return m, nil
}
