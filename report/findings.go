package report

import (
	"fmt"
	"slices"

	"github.com/subbert/subbert/evaluate"
	"github.com/subbert/subbert/runs/result"
)

// ProbeFindings says in sentences what probes found, for the page and the terminal: what the layers add, where, what
// the controls score, and what the probes mix.
func ProbeFindings(p *result.Probes) []string {
	if p == nil || len(p.Series) == 0 {
		return nil
	}
	if allZero(p.Series[0].Scores) {
		return []string{"The probes have an F1 of 0: they found no relation, and say nothing about the encoder. Train them longer (schedule.epochs) or on more examples."}
	}
	var out []string
	add := func(text string) {
		if text != "" {
			out = append(out, text)
		}
	}
	add(gainFinding(p))
	add(shuffledFinding(p))
	add(randomFinding(p))
	add(expectedFinding(p))
	add(mixFinding(p))
	return out
}

func allZero(scores []evaluate.Interval) bool {
	return !slices.ContainsFunc(scores, func(s evaluate.Interval) bool { return s.Mean != 0 })
}

// gainFinding says what the layers add to the embeddings.
func gainFinding(p *result.Probes) string {
	s := p.Series[0]
	if len(s.Cumulative) == 0 {
		return fmt.Sprintf("The probe scores F1 %s.", within(s.Scores[0], 1))
	}
	last := p.Layers[len(p.Layers)-1]
	total := s.Cumulative[len(s.Cumulative)-1]
	from := fmt.Sprintf("layers %d to %d add %s to an F1 of %s", p.Layers[0]+1, last, bounded(total), percent(s.Scores[0].Mean))
	if total.N < 2 {
		return fmt.Sprintf("A single seed gives no interval: above %s, %s.", layerName(p.Layers[0]), from)
	}
	if total.Low <= 0 {
		return fmt.Sprintf("The layers above %s add no significant gain: %s.", layerName(p.Layers[0]), from)
	}
	best := 0
	for i, d := range s.Delta {
		if d.Mean > s.Delta[best].Mean {
			best = i
		}
	}
	return fmt.Sprintf("The layers score above %s: %s; layer %d adds most, %s.", layerName(p.Layers[0]), from, p.Layers[best+1], percent(s.Delta[best].Mean))
}

// layerName returns the name of a layer in a sentence.
func layerName(l int) string {
	if l == 0 {
		return "the embeddings"
	}
	return fmt.Sprintf("layer %d", l)
}

// bounded writes a difference with its interval in words.
func bounded(v evaluate.Interval) string {
	if v.N < 2 {
		return percent(v.Mean) + " points"
	}
	return fmt.Sprintf("%s points (95 %% interval %s to %s)", percent(v.Mean), percent(v.Low), percent(v.High))
}

// shuffledFinding says whether the probes learn from the labels or memorize the examples.
func shuffledFinding(p *result.Probes) string {
	if len(p.Selectivity) == 0 {
		return ""
	}
	v := p.Selectivity[len(p.Selectivity)-1]
	if v.N > 1 && v.Low <= 0 {
		return fmt.Sprintf("With shuffled labels the probe does not score significantly less (%s), so its score says nothing about the encoder.", bounded(v))
	}
	return fmt.Sprintf("With shuffled labels the probe of all layers scores less, by %s.", bounded(v))
}

// randomFinding compares the encoder with a random one.
func randomFinding(p *result.Probes) string {
	for _, s := range p.Series {
		if s.Of != "random" {
			continue
		}
		var apart []float64
		last := len(p.Layers) - 1
		for seed, f1 := range p.Series[0].F1 {
			if seed < len(s.F1) && last < len(f1) && last < len(s.F1[seed]) {
				apart = append(apart, f1[last]-s.F1[seed][last])
			}
		}
		if len(apart) == 0 {
			return ""
		}
		v := evaluate.IntervalOf(apart)
		if v.N > 1 && v.Low <= 0 {
			return fmt.Sprintf("The encoder is not significantly better than a random one: %s.", bounded(v))
		}
		return fmt.Sprintf("The encoder is better than a random one, by %s.", bounded(v))
	}
	return ""
}

// expectedFinding gives the expected layer of the task, if the layers add more than chance.
func expectedFinding(p *result.Probes) string {
	s := p.Series[0]
	if !gains(s) || s.Expected.N < 2 {
		return ""
	}
	return fmt.Sprintf("The expected layer, the mean of the layers weighted by what they add, is %s (95 %% interval %s to %s, %d seeds with a gain).",
		fixed(s.Expected.Mean, 1), fixed(s.Expected.Low, 1), fixed(s.Expected.High, 1), s.Expected.N)
}

// mixFinding says whether the probe of all layers prefers some layers.
func mixFinding(p *result.Probes) string {
	shares := p.Alpha[len(p.Alpha)-1]
	if len(shares) < 2 {
		return ""
	}
	equal := 1 / float64(len(shares))
	most, least := 0, 0
	for k, s := range shares {
		if s > shares[most] {
			most = k
		}
		if s < shares[least] {
			least = k
		}
	}
	const slight = 0.2 // share of an equal weight
	if shares[most]-equal < slight*equal && equal-shares[least] < slight*equal {
		return fmt.Sprintf("The probe of all layers mixes them in nearly equal shares, %s to %s (equal shares are %s): it learned no preference.", fixed(shares[least], 3), fixed(shares[most], 3), fixed(equal, 3))
	}
	return fmt.Sprintf("The probe of all layers weights layer %d most: a share of %s (equal shares are %s).", most, fixed(shares[most], 2), fixed(equal, 2))
}
