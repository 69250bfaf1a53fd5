package runs

import (
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/internal/atomicfile"
	"github.com/subbert/subbert/report"
	"github.com/subbert/subbert/runs/result"
	"github.com/subbert/subbert/tasks/probing"
)

// probeSeries collects the outcome of the probes of one encoder or control, seed by seed.
type probeSeries struct {
	of           string
	seeds        []uint32
	f1, accuracy [][]float64
	trained      [][]probing.Trained
}

// add scores the probes of one seed.
func (s *probeSeries) add(p *probingRun, seed uint32, trained []probing.Trained) error {
	gold := labelNames(p.data.Labels, p.labels[1])
	var f1, accuracy []float64
	for _, t := range trained {
		predicted := make([]string, len(t.Predicted))
		for i, l := range t.Predicted {
			predicted[i] = p.data.Labels[l]
		}
		report, err := evaluate.Score(gold, predicted, p.data.Labels, p.data.Negative)
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

// finish combines all series into the result and writes it to the run directory.
func (p *probingRun) finish(series []*probeSeries) (*result.Probing, error) {
	found := &result.Probes{Input: p.config.Task.Probe.Input, Layers: p.depths, Seeds: series[0].seeds, Encoder: p.hash}
	for _, s := range series {
		layers, err := evaluate.LayersOf(s.f1, p.depths)
		if err != nil {
			return nil, err
		}
		found.Series = append(found.Series, result.ProbeSeries{Of: s.of, F1: s.f1, Accuracy: s.accuracy, LayerSeries: layers})
		if s.of == probing.ControlShuffled {
			found.Selectivity = selectivity(series[0].f1, s.f1)
		}
	}
	describeMixes(found, series[0].trained)
	task := p.config.Task
	out := &result.Probing{
		Task: result.TaskProbing, Corpus: task.Corpus, Labels: p.data.Labels, Negative: p.data.Negative, Scored: p.from,
		Seed: p.config.Run.Seed, Instances: len(p.rows[1]), Cut: p.data.cut, Probe: found, Spent: p.spent, Findings: p.found.all, Backend: p.where(), Provenance: Provenance(p.env.Command),
	}
	gold := labelNames(p.data.Labels, p.labels[1])
	majority, err := evaluate.Score(gold, slices.Repeat([]string{mostFrequent(p.data.Sets)}, len(gold)), p.data.Labels, p.data.Negative)
	if err != nil {
		return nil, err
	}
	out.Majority = majority.Micro
	err = atomicfile.Write(p.dir.File(result.ProbesFile), func(w io.Writer) error { return writeProbes(w, series, p.depths[len(p.depths)-1]) })
	if err != nil {
		return nil, err
	}
	if err := p.draw(found); err != nil {
		return nil, err
	}
	out.Seconds = time.Since(p.started).Seconds()
	return out, p.dir.WriteResult(out)
}

// selectivity returns how far the encoder's scores are above those with shuffled labels, seed by seed.
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

// describeMixes sums up the mixtures that the encoder's probes learned.
func describeMixes(found *result.Probes, trained [][]probing.Trained) {
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
func (p *probingRun) draw(found *result.Probes) error {
	dir := p.dir.File(result.FiguresDir)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	pictures := map[string]report.Picture{"scores": report.Scores(found), "alpha": report.Shares(found)}
	if len(found.Layers) > 1 {
		pictures["delta"], pictures["cumulative"], pictures["last-delta"] = report.Deltas(found), report.Cumulatives(found), report.LastDelta(found, filepath.Base(p.config.Run.Dir))
	}
	for name, picture := range pictures {
		if err := report.ExportPicture(dir, name, picture); err != nil {
			return fmt.Errorf("figures/%s: %w", name, err)
		}
	}
	return nil
}
