package evaluate

import (
	"fmt"
	"math"
	"slices"
)

// Spread summarises one figure over folds or seeds. SD is the sample standard deviation, 0 for a single value.
type Spread struct {
	Mean float64 `json:"mean"`
	SD   float64 `json:"sd"`
	Min  float64 `json:"min"`
	Max  float64 `json:"max"`
	N    int     `json:"n"`
}

// SpreadOf summarises values; the zero Spread if there are none.
func SpreadOf(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	s := Spread{Mean: mean(values), Min: slices.Min(values), Max: slices.Max(values), N: len(values)}
	if len(values) < 2 {
		return s
	}
	sum := 0.0
	for _, v := range values {
		sum += (v - s.Mean) * (v - s.Mean)
	}
	s.SD = math.Sqrt(sum / float64(len(values)-1))
	return s
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(len(values))
}

// Folds is a cross-validation's score: the paper's mean of the folds, and the score of all folds' predictions
// pooled, which weighs every instance alike and differs from it.
type Folds struct {
	P      Spread `json:"p"`
	R      Spread `json:"r"`
	F1     Spread `json:"f1"`
	Pooled Report `json:"pooled"`
}

// ScoreFolds scores the confusion of each fold by micro P, R and F1.
func ScoreFolds(folds []*Confusion, negative string) (Folds, error) {
	pooled, err := Pool(folds...)
	if err != nil {
		return Folds{}, err
	}
	var p, r, f []float64
	for i, c := range folds {
		rep, err := c.Report(negative)
		if err != nil {
			return Folds{}, fmt.Errorf("fold %d: %w", i, err)
		}
		p, r, f = append(p, rep.Micro.P), append(r, rep.Micro.R), append(f, rep.Micro.F1)
	}
	rep, err := pooled.Report(negative)
	return Folds{SpreadOf(p), SpreadOf(r), SpreadOf(f), rep}, err
}
