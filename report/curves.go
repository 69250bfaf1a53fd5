package report

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
)

// measure is a recorded quantity and how to show it.
type measure struct {
	key      string
	title    string
	unit     string
	fromZero bool
}

// measures are the known ones, in the order of the page. Others follow under their own names.
var measures = []measure{
	{"mlm_loss", "Masked-LM loss", "nats per masked word piece", false},
	{"mlm_accuracy", "Masked-LM accuracy", "share of the masked word pieces", true},
	{"nsp_loss", "Next-sentence loss", "nats per pair", false},
	{"nsp_accuracy", "Next-sentence accuracy", "share of the pairs", false},
	{"loss", "Loss", "nats", false},
	{"relation_accuracy", "Accuracy", "share of the pairs", true},
	{"f1", "Micro F1", "percent", true},
	{"p", "Micro precision", "percent", true},
	{"r", "Micro recall", "percent", true},
	{"probe_f1", "Micro F1 of a probe", "percent", true},
	{"accuracy", "Accuracy", "share", true},
	{"learning_rate", "Learning rate", "per step", true},
	{"grad_norm", "Gradient norm", "norm", true},
	{"tokens_per_sec", "Speed", "tokens per second", true},
	{"mfu", "Model FLOPs utilization", "share of the peak", true},
	{"loss_zscore", "Loss above its recent mean", "standard deviations", false},
	{"input_seconds", "Time for input", "seconds per step", true},
	{"compute_seconds", "Time for computing and transfers", "seconds per step", true},
	{"host_seconds", "Time of the host", "seconds per step", true},
}

// notDrawn are keys that identify a point or count rather than measure, and one that repeats another.
var notDrawn = []string{"seconds", "tokens", "epoch", "relation_loss"}

// apart are the prefixes of measures on other data than the training batches.
var apart = []struct{ prefix, name string }{{"heldout_", "held-out"}, {"dev_", "dev"}, {"test_", "test"}}

// axis is the horizontal axis of a chart.
type axis struct {
	name, label string
	of          func(*Run, Series) []float64 // nil if the run does not know the axis
}

var axes = []axis{
	{"steps", "updates (steps)", func(_ *Run, s Series) []float64 { return s.steps() }},
	{"tokens", "tokens trained on", func(r *Run, s Series) []float64 { return s.tokens(r.tokensPerStep()) }},
	{"time", "hours of training", func(_ *Run, s Series) []float64 { return s.hours() }},
}

// tokensPerStep returns the positions of a batch, padding included, or 0 if the config does not say.
func (r *Run) tokensPerStep() float64 {
	batch, okBatch := r.Config.Number("task.batch")
	sequence, okSequence := r.Config.Number("task.sequence")
	if !okBatch || !okSequence {
		return 0
	}
	return batch * sequence
}

// recorded lists the measures that the runs recorded, without the prefixes of other data: the known measures first,
// then the others by name.
func recorded(runs []named) []measure {
	keys := map[string]bool{}
	for _, n := range runs {
		for _, s := range n.run.Series {
			for _, p := range s.Points {
				if n.ctx.Err() != nil {
					return nil
				}
				for k := range p.Values {
					keys[bare(k)] = true
				}
			}
		}
	}
	var out []measure
	for _, m := range measures {
		if keys[m.key] {
			out = append(out, m)
			delete(keys, m.key)
		}
	}
	for _, k := range sortedKeys(keys) {
		if !slices.Contains(notDrawn, k) {
			out = append(out, measure{key: k, title: capital(strings.ReplaceAll(k, "_", " ")), unit: "value"})
		}
	}
	return out
}

// bare returns key without the prefix that names the data.
func bare(key string) string {
	for _, a := range apart {
		if k, ok := strings.CutPrefix(key, a.prefix); ok {
			return k
		}
	}
	return key
}

// phrase returns the name of a key in the middle of a sentence.
func phrase(key string) string {
	for _, m := range measures {
		if m.key == key {
			return strings.ToLower(m.title[:1]) + m.title[1:]
		}
	}
	return strings.ReplaceAll(key, "_", " ")
}

func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// chartOf draws a measure of the runs over an axis. It returns nil if no run knows the axis.
func chartOf(m measure, runs []named, a axis, levels []Level) *Chart {
	c := Chart{Title: m.title, XLabel: a.label, YLabel: m.unit, Levels: levels, FromZero: m.fromZero}
	skipped := 0
	for _, n := range runs {
		for part, s := range n.run.Series {
			at := a.of(n.run, s)
			if at == nil {
				continue
			}
			color := n.color
			if len(runs) == 1 {
				color = part
			}
			for _, k := range curvesOf(n.ctx, m, s, at, &skipped) {
				k.Name, k.Color = curveName(runs, n, s, k.Name), color
				c.Curves = append(c.Curves, k)
			}
		}
	}
	if skipped > 0 {
		c.Note = fmt.Sprintf("%s values are not finite and are left out.", count(skipped))
	}
	if len(c.Curves) == 0 {
		return nil
	}
	if a.name == "time" {
		c.inMinutes()
	}
	return &c
}

// inMinutes turns an axis of hours into one of minutes if the curves are short enough.
func (c *Chart) inMinutes() {
	most := 0.0
	for _, k := range c.Curves {
		most = max(most, slices.Max(k.X))
	}
	if most > 1.5 {
		return
	}
	c.XLabel = "minutes of training"
	for i, k := range c.Curves {
		x := slices.Clone(k.X)
		for j := range x {
			x[j] *= 60
		}
		c.Curves[i].X = x
	}
}

// curvesOf returns the curves of a measure in a series: on the training batches and on other data.
func curvesOf(ctx context.Context, m measure, s Series, at []float64, skipped *int) []Curve {
	var out []Curve
	add := func(key, name string, marked bool) {
		if ctx.Err() != nil {
			return
		}
		x, y, n := s.values(key, at)
		*skipped += n
		if len(x) > 0 {
			out = append(out, Curve{Name: name, X: x, Y: y, Marked: marked})
		}
	}
	add(m.key, "training", false)
	for _, a := range apart {
		add(a.prefix+m.key, a.name, true)
	}
	return out
}

// curveName returns the name in the legend: the run and the part, if there are several, and the data.
func curveName(runs []named, n named, s Series, data string) string {
	var words []string
	if len(runs) > 1 {
		words = append(words, n.name)
	}
	if s.Name != "" {
		words = append(words, s.Name)
	}
	return strings.Join(append(words, data), ", ")
}

// mainFigure shows a measure large, over each axis that some run knows.
func mainFigure(m measure, runs []named, levels []Level) Figure {
	f := Figure{Title: m.title}
	for _, a := range axes {
		if c := chartOf(m, runs, a, levels); c != nil {
			f.Views = append(f.Views, View{Label: a.name, Picture: *c})
			f.Note = c.Note
		}
	}
	for _, n := range runs {
		for _, s := range n.run.Series {
			if len(s.Points) > maxBins {
				f.Note = strings.TrimSpace("Lines are means of neighbouring reports, bands their smallest and largest values. " + f.Note)
				return f
			}
		}
	}
	return f
}

// smallFigures shows the measures side by side, over steps.
func smallFigures(ms []measure, runs []named) Grid {
	var g Grid
	for _, m := range ms {
		if c := chartOf(m, runs, axes[0], nil); c != nil {
			g.Figures = append(g.Figures, Figure{Title: m.title, Note: c.Note, Views: []View{{Picture: *c}}, Small: true})
		}
	}
	return g
}

// last returns the last finite value of key in a run, and whether there is one.
func (r *Run) last(key string) (float64, bool) {
	for _, s := range r.Series {
		for _, p := range slices.Backward(s.Points) {
			if v, ok := p.Values[key]; ok && !math.IsNaN(v) {
				return v, true
			}
		}
	}
	return 0, false
}
