package reproduce

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/subbert/subbert/data/request"
	"github.com/subbert/subbert/runs/result"
	"github.com/subbert/subbert/sweep"
)

// Outcome holds what was measured, and why the rest was not. subbert reproduce --json prints it.
type Outcome struct {
	Scale    string   `json:"scale"`
	About    string   `json:"about"`
	Smoke    bool     `json:"smoke_test,omitempty"` // its scores say nothing about the claims, so none is judged
	Seeds    int      `json:"seeds"`
	Backend  string   `json:"backend,omitempty"` // of the first run that names one
	Runs     int      `json:"runs"`
	Seconds  float64  `json:"run_seconds"` // sum over all runs
	Used     []string `json:"used"`
	Complete bool     `json:"complete"` // nothing is left to run

	StandIns map[string]string `json:"stand_ins,omitempty"` // what was trained in place of published models, by their labels

	Experiments map[string]map[string][]Measured `json:"experiments"` // by experiment, row and column
	Verdicts    []Verdict                        `json:"verdicts,omitempty"`
}

// Measured is the content of a cell: values, words, or the reason why there are none.
type Measured struct {
	Values []float64 `json:"values,omitempty"` // one for each seed
	Words  []string  `json:"words,omitempty"`  // of stems
	Reason string    `json:"not_run,omitempty"`
}

// State is the state of a run.
type State struct {
	Dir  string
	Done bool
	Why  string // why it is not done
}

// ReadOutcome parses the JSON of an Outcome.
func ReadOutcome(text []byte) (*Outcome, error) {
	o := &Outcome{}
	if err := json.Unmarshal(text, o); err != nil {
		return nil, fmt.Errorf("outcome: %w", err)
	}
	return o, nil
}

// cell returns the measured content of a cell.
func (o *Outcome) cell(experiment, row string, column int) Measured {
	cells := o.Experiments[experiment][row]
	if column >= len(cells) {
		return Measured{Reason: "not requested"}
	}
	return cells[column]
}

// place is a cell of an experiment.
type place struct {
	experiment  string
	row, column int
}

// Collect reads the cells of a plan from the results of its runs, and judges claims by them. state returns the state of
// a run. A damaged result is an error.
func Collect(ctx context.Context, r Request, p *Plan, state func(run string) State) (*Outcome, error) {
	o := &Outcome{Scale: r.Scale.Name, About: r.Scale.About, Smoke: r.Scale.Smoke, Seeds: r.Seeds, Used: p.Used, Complete: true, StandIns: p.StandIns, Experiments: map[string]map[string][]Measured{}}
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
	for _, e := range r.Experiments {
		switch {
		case o.Smoke:
		case e.Kind == Scores:
			verdicts, err := judgeScores(ctx, e, p.dirs(state))
			if errors.Is(err, context.DeadlineExceeded) {
				err = nil // the claims that there was no time for are not judged
			}
			o.Verdicts, errs = append(o.Verdicts, verdicts...), append(errs, err)
		case e.Kind == Losses:
			o.Verdicts = append(o.Verdicts, judgeLosses(e, o)...)
		}
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
		one, err := read(e, e.Rows[c.Row], e.Columns[c.Column], c.Row, s.Dir)
		if errors.Is(err, fs.ErrNotExist) {
			return Measured{Reason: name + " has no result"}, nil
		}
		if err != nil {
			return m, err
		}
		m.Values, m.Words = append(m.Values, one.Values...), append(m.Words, one.Words...)
	}
	if m.Values == nil && m.Words == nil {
		m.Reason = "the result has no value for this cell"
	}
	return m, nil
}

// read reads the value of a cell from the result.json of its run.
func read(e *Experiment, r Row, c Column, rank int, dir string) (Measured, error) {
	switch e.Kind {
	case Counts:
		return readCounts(c.Split, dir)
	case Losses:
		return readLoss(dir)
	}
	of, err := result.Read(dir)
	if err != nil {
		return Measured{}, err
	}
	path := filepath.Join(dir, result.File)
	switch {
	case e.Kind == Scores && of.Relation != nil:
		return readScores(c.Score, of.Relation)
	case e.Kind == Probes && of.Probing != nil && of.Probing.Probe != nil:
		return readProbes(r.Value, of.Probing.Probe), nil
	case e.Kind != Scores && e.Kind != Probes && of.Attention != nil && of.Attention.Attention != nil:
		return readAttention(e.Kind, rank, of.Attention.Attention), nil
	}
	return Measured{}, fmt.Errorf("%s: result of the task %q, want a result with %s", path, of.Task, e.Kind)
}

// readAttention reads the number of sentences shown, or the stem of a rank.
func readAttention(kind string, rank int, w *result.Weights) Measured {
	if kind == Sentences {
		return Measured{Values: []float64{float64(len(w.Sentences))}}
	}
	if rank < len(w.Stems) {
		return Measured{Words: []string{w.Stems[rank].Stem}}
	}
	return Measured{}
}

// readLoss reads the masked-LM loss of an evaluation.
func readLoss(dir string) (Measured, error) {
	path := filepath.Join(dir, result.File)
	var values result.Evaluation
	if err := result.Decode(path, &values); err != nil {
		return Measured{}, err
	}
	loss, ok := values["mlm_loss"].(float64)
	if !ok {
		return Measured{}, fmt.Errorf("%s: no mlm_loss", path)
	}
	return Measured{Values: []float64{loss}}, nil
}

// readScores reads one score of every seed.
func readScores(score string, r *result.Relation) (Measured, error) {
	var m Measured
	for _, s := range r.Scores() {
		value, ok := map[string]float64{"p": s.P, "r": s.R, "f1": s.F1}[score]
		if !ok {
			return m, fmt.Errorf("score %q, want p, r or f1", score)
		}
		m.Values = append(m.Values, value)
	}
	return m, nil
}

// readCounts reads the number of pairs of a split.
func readCounts(split, dir string) (Measured, error) {
	var corpus request.Written
	if err := result.Decode(filepath.Join(dir, result.File), &corpus); err != nil {
		return Measured{}, err
	}
	n, met := 0, false
	for _, c := range corpus.Counts {
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
func readProbes(value string, p *result.Probes) Measured {
	want := result.ProbeEncoder
	if value == "random" || value == "shuffled" {
		want = value
	}
	var m Measured
	for _, s := range p.Series {
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
	return m
}

// Conclude collects the cells of a plan from the runs of a sweep, with their times and backend.
func Conclude(ctx context.Context, r Request, p *Plan, report *sweep.Report) (*Outcome, error) {
	o, err := Collect(ctx, r, p, func(run string) State { return stateOf(report, run) })
	if err != nil {
		return nil, err
	}
	seconds := map[string]float64{}
	for _, s := range report.Runs {
		seconds[s.Key] = s.Seconds
	}
	for _, key := range slices.Sorted(maps.Keys(seconds)) {
		o.Seconds += seconds[key]
	}
	o.Backend, err = backendOf(report)
	return o, err
}

// stateOf returns the state of a run.
func stateOf(report *sweep.Report, run string) State {
	s := report.Run(run)
	if s == nil {
		return State{Why: run + " is not in the graph"}
	}
	why := fmt.Sprintf("%s %s: %s", run, s.State, s.Why)
	switch {
	case s.State == sweep.Skipped:
		why = fmt.Sprintf("%s skipped %s", run, s.Why)
	case s.Why == "":
		why = "the sweep stopped before this run"
	}
	return State{Dir: s.Dir, Done: s.State == sweep.Done || s.State == sweep.Cached, Why: why}
}

// backendOf returns the backend of the first run that names one.
func backendOf(report *sweep.Report) (string, error) {
	for _, s := range report.Runs {
		if s.State != sweep.Done && s.State != sweep.Cached {
			continue
		}
		var of struct {
			Backend string `json:"backend"`
		}
		err := result.Decode(filepath.Join(s.Dir, result.File), &of)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		if of.Backend != "" {
			return of.Backend, nil
		}
	}
	return "", nil
}
