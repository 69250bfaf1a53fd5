package reproduce

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/subbert/subbert/compare"
	"github.com/subbert/subbert/evaluate"
)

// Values of Verdict.Says. Better and Worse are also those of Verdict.Claimed.
const (
	Holds       = "holds"
	DoesNotHold = "does not hold"
	CannotTell  = "cannot be told"
	Better      = "better" // where nothing is claimed
	Worse       = "worse"
)

// Verdict says whether a row differs here from another and, if the paper says how, whether as claimed.
type Verdict struct {
	Experiment string        `json:"experiment"`
	Row        string        `json:"row"`
	Against    string        `json:"against"`
	Column     int           `json:"column"`
	Published  *float64      `json:"published_gain,omitempty"`
	Claimed    string        `json:"claimed,omitempty"`      // without a published gain: Better, Worse, or empty if nothing is claimed
	Gain       evaluate.Gain `json:"gain"`                   // points of F1; of losses, nats by which the diagonal is better
	Says       string        `json:"says"`                   // Holds, DoesNotHold, CannotTell, Better or Worse
	Seeds      int           `json:"seeds_needed,omitempty"` // if Says is CannotTell; 0: no number of seeds is enough
}

// aPoint is the gain to detect if none is published.
const aPoint = 1.0

// judge returns v with Says and Seeds set by its gain.
func judge(v Verdict) Verdict {
	direction := map[string]float64{Better: 1, Worse: -1}[v.Claimed]
	if v.Published != nil {
		direction = *v.Published
	}
	above, below := v.Gain.Low > 0, v.Gain.High < 0
	switch {
	case !above && !below:
		v.Says = CannotTell
		size := aPoint
		if v.Published != nil && *v.Published != 0 {
			size = *v.Published
		}
		if n, err := v.Gain.SeedsFor(size); err == nil {
			v.Seeds = n
		}
	case !v.claims() && above:
		v.Says = Better
	case !v.claims():
		v.Says = Worse
	case above && direction > 0 || below && direction < 0:
		v.Says = Holds
	default:
		v.Says = DoesNotHold
	}
	return v
}

// claims reports whether the paper says which row is better, or that none is.
func (v Verdict) claims() bool { return v.Published != nil || v.Claimed != "" }

// Text returns the verdict as the end of a sentence that begins with what is compared.
func (v Verdict) Text(decimals int) string {
	size := fmt.Sprintf("%+.*f [%+.*f, %+.*f]", decimals, v.Gain.Mean, decimals, v.Gain.Low, decimals, v.Gain.High)
	claim := ""
	if v.Claimed == Worse {
		claim = "worse is claimed, which "
	}
	if v.Says != CannotTell {
		return fmt.Sprintf("%s%s here: %s", claim, v.Says, size)
	}
	looked := fmt.Sprintf("a gain of %.*f", decimals, aPoint)
	if v.Published != nil && *v.Published != 0 {
		looked = fmt.Sprintf("the published %+.*f", decimals, *v.Published)
	}
	told := fmt.Sprintf("%scannot be told with %d seeds: %s", claim, v.Gain.N, size)
	switch {
	case v.Seeds > v.Gain.N:
		return fmt.Sprintf("%s; finding %s would take %d seeds", told, looked, v.Seeds)
	case v.Seeds > 0:
		return fmt.Sprintf("%s; %d seeds find %s with probability 0.8", told, v.Seeds, looked)
	case v.Gain.Instances > 0:
		return fmt.Sprintf("%s; no number of seeds finds %s on %d test pairs", told, looked, v.Gain.Instances)
	}
	return told
}

// judgeScores compares the rows of e with those that they are to be compared with, by the predictions in the
// directories of their runs.
func judgeScores(ctx context.Context, e *Experiment, dirs map[place]string) ([]Verdict, error) {
	var all []Verdict
	for i, r := range e.Rows {
		if r.Against == "" {
			continue
		}
		against := slices.IndexFunc(e.Rows, func(o Row) bool { return o.Label == r.Against })
		for j := range e.Columns {
			a, b := dirs[place{e.ID, i, j}], dirs[place{e.ID, against, j}]
			if a == "" || b == "" || a == b {
				continue
			}
			g, err := compare.Gain(ctx, a, b, compare.Options{Seed: 1})
			if err != nil {
				return nil, fmt.Errorf("%s, row %q: %w", e.ID, r.Label, err)
			}
			v := Verdict{Experiment: e.ID, Row: r.Label, Against: r.Against, Column: j, Claimed: r.Claimed, Gain: g}
			if gain, known := publishedGain(e, r, j); known {
				gain = math.Round(100*gain) / 100
				v.Published = &gain
			}
			all = append(all, judge(v))
		}
	}
	return all, nil
}

// judgeLosses says for each column of e whether the model adapted to its text has the lowest loss on it: by how much
// lower than the nearest other adapted model, seed by seed, because adaptations of one seed differ only in their text.
func judgeLosses(e *Experiment, o *Outcome) []Verdict {
	var all []Verdict
	for j, c := range e.Columns {
		i := slices.IndexFunc(e.Rows, func(r Row) bool { return r.Domain == c.Domain })
		if i < 0 {
			continue
		}
		diagonal := o.cell(e.ID, e.Rows[i].Label, j).Values
		var nearest *Verdict
		for k, r := range e.Rows {
			other := o.cell(e.ID, r.Label, j).Values
			if k == i || r.Domain == "" || len(other) < 2 || len(other) != len(diagonal) {
				continue
			}
			apart := make([]float64, len(other))
			for s := range other {
				apart[s] = other[s] - diagonal[s]
			}
			g := evaluate.Gain{Interval: evaluate.IntervalOf(apart), Seeds: evaluate.SpreadOf(apart).SD}
			if nearest == nil || g.Mean < nearest.Gain.Mean {
				nearest = &Verdict{Experiment: e.ID, Row: e.Rows[i].Label, Against: r.Label, Column: j, Claimed: Better, Gain: g}
			}
		}
		if nearest != nil {
			all = append(all, judge(*nearest))
		}
	}
	return all
}

// verdict returns the verdict on a row's claim in column j, and whether there is one.
func (o *Outcome) verdict(experiment, row string, j int) (Verdict, bool) {
	i := slices.IndexFunc(o.Verdicts, func(v Verdict) bool { return v.Experiment == experiment && v.Row == row && v.Column == j })
	if i < 0 {
		return Verdict{}, false
	}
	return o.Verdicts[i], true
}

// Verdict says in a sentence which claims of some experiments hold; empty if there is none to judge.
func (o *Outcome) Verdict(of []*Experiment) string {
	if o.Smoke {
		return fmt.Sprintf("The scale %s is a smoke test: it shows that every path works, and its scores say nothing about the claims of the paper.", o.Scale)
	}
	claims, others := map[string]int{}, map[string]int{}
	for _, v := range o.Verdicts {
		if slices.ContainsFunc(of, func(e *Experiment) bool { return e.ID == v.Experiment }) {
			n := others
			if v.claims() {
				n = claims
			}
			n[v.Says]++
		}
	}
	var said []string
	if n := claims[Holds] + claims[DoesNotHold] + claims[CannotTell]; n > 0 {
		said = append(said, fmt.Sprintf("%s with published or claimed gains: %d as claimed, %d not, and %d that cannot be told with %d seeds.",
			counted(n, "comparison"), claims[Holds], claims[DoesNotHold], claims[CannotTell], o.Seeds))
	}
	if n := others[Better] + others[Worse] + others[CannotTell]; n > 0 {
		said = append(said, fmt.Sprintf("%s of which the paper does not say what is better: %d better, %d worse, and %d that cannot be told.",
			counted(n, "comparison"), others[Better], others[Worse], others[CannotTell]))
	}
	return strings.Join(said, " ")
}
