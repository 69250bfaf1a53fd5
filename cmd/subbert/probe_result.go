package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/subbert/subbert/evaluate"
	reports "github.com/subbert/subbert/report"
	"github.com/subbert/subbert/tasks"
)

// probeResult is result.json of a probing run.
type probeResult struct {
	Task      string           `json:"task"`
	Corpus    string           `json:"corpus,omitempty"`
	Labels    []string         `json:"labels"`
	Negative  string           `json:"negative"`
	Scored    string           `json:"scored"` // test or dev
	Seed      uint32           `json:"seed"`   // the first
	Instances int              `json:"instances"`
	Cut       tasks.Cut        `json:"cut"`
	Majority  evaluate.PRF     `json:"majority"` // micro, of always answering the most frequent positive label
	Probe     *reports.Probing `json:"probe"`
	Seconds   float64          `json:"seconds"`
	Spent     probeTimes       `json:"spent"`
	Backend   string           `json:"backend"`
}

// probeSeries gathers what came of the probes of one encoder or control, seed by seed.
type probeSeries struct {
	of           string
	seeds        []uint32
	f1, accuracy [][]float64
	trained      [][]tasks.Trained
}

// add scores what came of one seed.
func (s *probeSeries) add(p *probing, seed uint32, trained []tasks.Trained) error {
	gold := labelNames(p.data.labels, p.labels[1])
	var f1, accuracy []float64
	for _, t := range trained {
		predicted := make([]string, len(t.Predicted))
		for i, l := range t.Predicted {
			predicted[i] = p.data.labels[l]
		}
		report, err := evaluate.Score(gold, predicted, p.data.labels, p.data.negative)
		if err != nil {
			return err
		}
		f1, accuracy = append(f1, report.Micro.F1), append(accuracy, report.Accuracy)
	}
	s.seeds, s.trained = append(s.seeds, seed), append(s.trained, trained)
	s.f1, s.accuracy = append(s.f1, f1), append(s.accuracy, accuracy)
	return nil
}

func labelNames(labels []string, indices []int32) []string {
	out := make([]string, len(indices))
	for i, l := range indices {
		out[i] = labels[l]
	}
	return out
}

// finish makes the result of all series and leaves it in the run directory.
func (p *probing) finish(series []*probeSeries) (*probeResult, error) {
	found := &reports.Probing{Input: p.config.Task.Probe.Input, Layers: p.depths, Seeds: series[0].seeds, Encoder: p.hash}
	for _, s := range series {
		layers, err := evaluate.LayersOf(s.f1, p.depths)
		if err != nil {
			return nil, err
		}
		found.Series = append(found.Series, reports.ProbeSeries{Of: s.of, F1: s.f1, Accuracy: s.accuracy, LayerSeries: layers})
		if s.of == tasks.ControlShuffled {
			found.Selectivity = selectivity(series[0].f1, s.f1)
		}
	}
	describeMixes(found, series[0].trained)
	task := p.config.Task
	result := &probeResult{
		Task: tasks.NameProbe, Corpus: task.Corpus, Labels: p.data.labels, Negative: p.data.negative, Scored: p.from,
		Seed: p.config.Run.Seed, Instances: len(p.rows[1]), Cut: p.data.cut, Probe: found, Spent: p.spent, Backend: p.where(),
	}
	gold := labelNames(p.data.labels, p.labels[1])
	majority, err := evaluate.Score(gold, slices.Repeat([]string{mostFrequent(p.data)}, len(gold)), p.data.labels, p.data.negative)
	if err != nil {
		return nil, err
	}
	result.Majority = majority.Micro
	err = writeWhole(p.dir.File("probes.csv"), func(w io.Writer) error { return writeProbes(w, series, p.depths[len(p.depths)-1]) })
	if err != nil {
		return nil, err
	}
	if err := p.draw(found); err != nil {
		return nil, err
	}
	result.Seconds = time.Since(p.started).Seconds()
	return result, p.dir.WriteResult(result)
}

// selectivity is how far the encoder's scores are above those with shuffled labels, seed by seed.
func selectivity(f1, shuffled [][]float64) []evaluate.Interval {
	out := make([]evaluate.Interval, len(f1[0]))
	for i := range out {
		var apart []float64
		for seed := range f1 {
			apart = append(apart, f1[seed][i]-shuffled[seed][i])
		}
		out[i] = evaluate.IntervalOf(apart)
	}
	return out
}

// describeMixes sums up what the encoder's probes learned to mix.
func describeMixes(found *reports.Probing, trained [][]tasks.Trained) {
	for i, l := range found.Layers {
		share := make([]float64, l+1)
		var centre, gamma []float64
		for _, seed := range trained {
			for k, s := range seed[i].Share {
				share[k] += s / float64(len(trained))
			}
			centre, gamma = append(centre, evaluate.CentreOfGravity(seed[i].Share)), append(gamma, seed[i].Gamma)
		}
		found.Alpha = append(found.Alpha, share)
		found.Centre, found.Gamma = append(found.Centre, evaluate.IntervalOf(centre)), append(found.Gamma, evaluate.IntervalOf(gamma))
	}
}

// writeProbes writes a row for each series, seed and probe of layers up to last.
func writeProbes(to io.Writer, series []*probeSeries, last int) error {
	w := csv.NewWriter(to)
	header := []string{"series", "seed", "layer", "f1", "accuracy", "loss", "gamma"}
	for k := range last + 1 {
		header = append(header, fmt.Sprintf("share_%d", k))
	}
	rows := [][]string{header}
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', 8, 64) }
	for _, s := range series {
		for i, seed := range s.seeds {
			for k, t := range s.trained[i] {
				row := []string{s.of, fmt.Sprint(seed), fmt.Sprint(t.Depth), number(s.f1[i][k]), number(s.accuracy[i][k]), number(t.Loss), number(t.Gamma)}
				for _, share := range t.Share {
					row = append(row, number(share))
				}
				rows = append(rows, append(row, make([]string, len(header)-len(row))...))
			}
		}
	}
	return w.WriteAll(rows)
}

// draw writes the figures as SVG and PNG.
func (p *probing) draw(found *reports.Probing) error {
	dir := p.dir.File("figures")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	pictures := map[string]reports.Picture{"scores": found.Scores(), "alpha": found.Shares()}
	if len(found.Layers) > 1 {
		pictures["delta"], pictures["cumulative"], pictures["last-delta"] = found.Deltas(), found.Cumulatives(), found.LastDelta(p.config.Run.Dir)
	}
	for name, picture := range pictures {
		if err := reports.ExportPicture(dir, name, picture); err != nil {
			return fmt.Errorf("figures/%s: %w", name, err)
		}
	}
	return nil
}

// print prints the series as a table.
func (r *probeResult) print(c *console) error {
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "layers\t")
	for _, s := range r.Probe.Series {
		fmt.Fprintf(w, "P %s\tDelta\t", s.Of)
	}
	fmt.Fprintln(w, "centre\tgamma\t")
	plus := func(v evaluate.Interval, decimals int) string {
		return fmt.Sprintf("%.*f ± %.*f", decimals, v.Mean, decimals, (v.High-v.Low)/2)
	}
	for i, l := range r.Probe.Layers {
		fmt.Fprintf(w, "0 to %d\t", l)
		for _, s := range r.Probe.Series {
			delta := "-"
			if i > 0 {
				delta = plus(s.Delta[i-1], 1)
			}
			fmt.Fprintf(w, "%s\t%s\t", plus(s.Scores[i], 1), delta)
		}
		fmt.Fprintf(w, "%s\t%s\t\n", plus(r.Probe.Centre[i], 2), plus(r.Probe.Gamma[i], 3))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, s := range r.Probe.Series {
		if _, err := fmt.Fprintf(c.out, "expected layer, %s: %s (%d of %d seeds gain)\n", s.Of, plus(s.Expected, 2), s.Expected.N, len(r.Probe.Seeds)); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(c.out, "majority label: F1 %.1f; %s: %d examples; encoding %.1f s, training %.1f s\n", r.Majority.F1, r.Scored, r.Instances, r.Spent.Encoding, r.Spent.Training)
	return err
}
