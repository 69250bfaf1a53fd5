package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/runs/result"
)

// scoreVerdict describes the outcome of the runs of one corpus: which is best, whether the difference is significant,
// and how a bag of words scores.
func scoreVerdict(runs []scored, tests *Tests) []string {
	best, ref := bestOf(runs), reference(runs)
	var out []string
	switch {
	case len(runs) == 1:
		out = append(out, alone(runs[0], tests))
	case best.run == ref.run:
		out = append(out, fmt.Sprintf("No run is better than %s: micro F1 %s%s.", ref.name, percent(ref.mean()), tests.among(runs, ref)))
	default:
		out = append(out, tests.between(runs, best, ref))
	}
	if words, ok := bagOfWords(runs); ok {
		out = append(out, tests.beyondWords(best, words))
	}
	return append(out, collapses(runs)...)
}

// alone returns the verdict on a single run.
func alone(s scored, tests *Tests) string {
	text := "Micro F1 is " + percent(s.mean())
	if low, high, ok := tests.bounds(s); ok {
		text += fmt.Sprintf(" (95 %% interval %s to %s)", percent(low), percent(high))
	}
	return text + "."
}

// among says how close the runs come that are not better than ref.
func (t *Tests) among(runs []scored, ref scored) string {
	var next *scored
	for i, s := range runs {
		if s.run != ref.run && (next == nil || s.mean() > next.mean()) {
			next = &runs[i]
		}
	}
	text := fmt.Sprintf(" against %s of %s", percent(next.mean()), next.name)
	if d, ok := t.against[next.run]; ok {
		text += fmt.Sprintf("; the difference is %s points (95 %% interval %s to %s)", percent(-d.Delta), percent(-*d.High), percent(-*d.Low))
	}
	return text
}

// between says whether the best run is shown to be better than the reference.
func (t *Tests) between(runs []scored, best, ref scored) string {
	scores := fmt.Sprintf("micro F1 %s against %s", percent(best.mean()), percent(ref.mean()))
	d, ok := t.against[best.run]
	if !ok {
		return fmt.Sprintf("The best run is %s: %s of %s. Without predictions the difference has no interval.", best.name, scores, ref.name)
	}
	interval := fmt.Sprintf("%s points (95 %% interval %s to %s)", percent(d.Delta), percent(*d.Low), percent(*d.High))
	const level = 0.05
	adjusted := t.holm(runs)
	is := "is not significantly better"
	if *d.Low > 0 && (adjusted == nil || adjusted[best.run] < level) {
		is = "is better"
	}
	if adjusted != nil {
		interval += fmt.Sprintf("; p = %s for %d comparisons", fixed(adjusted[best.run], 4), len(adjusted))
	}
	return fmt.Sprintf("The best run, %s, %s than %s: %s, a difference of %s.", best.name, is, ref.name, scores, interval)
}

// beyondWords compares a run with the bag of words.
func (t *Tests) beyondWords(s scored, words evaluate.PRF) string {
	const a = "the bag-of-words baseline"
	d := s.mean() - words.F1
	low, high, known := t.bounds(s)
	switch {
	case known && words.F1 < low:
		return fmt.Sprintf("That is %s points above %s, which has %s.", percent(d), a, percent(words.F1))
	case known && words.F1 > high:
		return fmt.Sprintf("That is %s points below %s, which has %s: the model is not useful yet.", percent(-d), a, percent(words.F1))
	case known:
		return fmt.Sprintf("The difference from %s, which has %s, is not significant.", a, percent(words.F1))
	}
	return fmt.Sprintf("%s has %s.", strings.ToUpper(a[:1])+a[1:], percent(words.F1))
}

// collapses names the runs that give every pair the same label.
func collapses(runs []scored) []string {
	var out []string
	for _, s := range runs {
		label := result.OnlyPredicted(s.run.relation().Labels, s.run.relation().Confusion)
		if label == "" {
			continue
		}
		who := "The model"
		if len(runs) > 1 {
			who = "The run " + s.name
		}
		out = append(out, fmt.Sprintf("%s has collapsed: it gives every pair the label %q. A lower learning rate, more steps or class weights may help.", who, isolated(label)))
	}
	return out
}

// lossVerdict describes the outcome of pre-training runs.
func lossVerdict(runs []named) []string {
	var best *named
	least := math.Inf(1)
	measured := 0
	for i, n := range runs {
		if v, ok := n.run.heldOutLoss(); ok {
			if measured++; v < least {
				best, least = &runs[i], v
			}
		}
	}
	if best == nil {
		return nil
	}
	text := fmt.Sprintf("Held-out masked-LM loss is %s nats", value(least))
	if measured > 1 {
		text = fmt.Sprintf("%s has the lowest held-out masked-LM loss, %s nats", best.name, value(least))
	}
	if steps := best.run.lastStep(); steps > 0 {
		text += fmt.Sprintf(" after %s steps", count(steps))
	}
	if p := best.run.pretraining(); p != nil && p.UnigramEntropy > 0 {
		text += fmt.Sprintf("; the unigram entropy is %s", fixed(p.UnigramEntropy, 2))
	}
	return []string{text + "."}
}
