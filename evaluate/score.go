package evaluate

import (
	"fmt"
	"slices"
	"strings"
)

// PRF is precision, recall and F1, each in percent, and the number of gold instances.
type PRF struct {
	P       float64 `json:"p"`
	R       float64 `json:"r"`
	F1      float64 `json:"f1"`
	Support int     `json:"support"`
}

// Confusion counts instances by gold label (row) and predicted label (column).
type Confusion struct {
	Labels []string
	N      [][]int // [gold][predicted]
}

// UnknownLabelsError names labels that are not in the label set.
type UnknownLabelsError struct {
	Unknown []string // in order of occurrence
	Labels  []string // the label set
}

func (e *UnknownLabelsError) Error() string {
	const most = 20 // a wrong column would fill the screen
	list := strings.Join(e.Unknown[:min(most, len(e.Unknown))], ", ")
	if more := len(e.Unknown) - most; more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return fmt.Sprintf("unknown labels %s; the label set is %s", list, strings.Join(e.Labels, ", "))
}

// Confuse counts gold against pred. It fails if their lengths differ, if there are none, if labels repeat, or with an
// *UnknownLabelsError.
func Confuse(gold, pred, labels []string) (*Confusion, error) {
	if len(gold) != len(pred) {
		return nil, fmt.Errorf("%d gold labels and %d predicted, want equal numbers", len(gold), len(pred))
	}
	if len(gold) == 0 {
		return nil, fmt.Errorf("no labels to score")
	}
	at, err := indices(labels)
	if err != nil {
		return nil, err
	}
	c := &Confusion{Labels: slices.Clone(labels), N: make([][]int, len(labels))}
	for i := range c.N {
		c.N[i] = make([]int, len(labels))
	}
	var unknown []string
	for i := range gold {
		g, ok1 := at[gold[i]]
		p, ok2 := at[pred[i]]
		if !ok1 && !slices.Contains(unknown, gold[i]) {
			unknown = append(unknown, gold[i])
		}
		if !ok2 && !slices.Contains(unknown, pred[i]) {
			unknown = append(unknown, pred[i])
		}
		if ok1 && ok2 {
			c.N[g][p]++
		}
	}
	if unknown != nil {
		return nil, &UnknownLabelsError{unknown, labels}
	}
	return c, nil
}

func indices(labels []string) (map[string]int, error) {
	at := make(map[string]int, len(labels))
	for i, l := range labels {
		if _, twice := at[l]; twice {
			return nil, fmt.Errorf("label %q occurs twice in the label set", l)
		}
		at[l] = i
	}
	return at, nil
}

// Pool adds confusions over the same labels, for example those of the folds of a cross-validation.
func Pool(cs ...*Confusion) (*Confusion, error) {
	if len(cs) == 0 {
		return nil, fmt.Errorf("no results to pool")
	}
	out := &Confusion{Labels: slices.Clone(cs[0].Labels), N: make([][]int, len(cs[0].N))}
	for i := range out.N {
		out.N[i] = make([]int, len(out.Labels))
	}
	for _, c := range cs {
		if !slices.Equal(c.Labels, out.Labels) {
			return nil, fmt.Errorf("labels %v cannot be pooled with %v", c.Labels, out.Labels)
		}
		for i, row := range c.N {
			for j, n := range row {
				out.N[i][j] += n
			}
		}
	}
	return out, nil
}

// Report is the scores of a set of predictions.
type Report struct {
	Labels    []string       `json:"labels"`
	Negative  string         `json:"negative"`
	Instances int            `json:"instances"`
	Micro     PRF            `json:"micro"`    // over the labels other than Negative
	Macro     PRF            `json:"macro"`    // mean over the same labels of P, of R and of F1
	Binary    PRF            `json:"binary"`   // any label other than Negative against Negative
	Accuracy  float64        `json:"accuracy"` // percent
	PerClass  map[string]PRF `json:"per_class"`
	Confusion [][]int        `json:"confusion"` // [gold][predicted], in the order of Labels
}

// Score compares pred with gold. Labels are the whole label set; negative is one of them.
func Score(gold, pred, labels []string, negative string) (Report, error) {
	c, err := Confuse(gold, pred, labels)
	if err != nil {
		return Report{}, err
	}
	return c.Report(negative)
}

// Report computes the scores from the counts.
func (c *Confusion) Report(negative string) (Report, error) {
	neg := slices.Index(c.Labels, negative)
	if neg < 0 {
		return Report{}, fmt.Errorf("negative label %q is not in the label set %s", negative, strings.Join(c.Labels, ", "))
	}
	r := Report{Labels: c.Labels, Negative: negative, PerClass: map[string]PRF{}, Confusion: c.N}
	var micro, binary counts
	correct, classes := 0, 0
	for i, l := range c.Labels {
		k := c.class(i)
		r.PerClass[l] = k.prf()
		r.Instances += k.gold
		correct += k.both
		if i == neg {
			continue
		}
		classes++
		micro = micro.plus(k)
		r.Macro = r.Macro.plus(k.prf())
		for j := range c.Labels {
			if j != neg {
				binary.both += c.N[i][j]
			}
		}
	}
	r.Macro = r.Macro.over(classes)
	binary.gold, binary.predicted = micro.gold, micro.predicted
	r.Micro, r.Binary = micro.prf(), binary.prf()
	r.Accuracy = percent(correct, r.Instances)
	return r, nil
}

// counts are the numbers of instances that are gold, that are predicted, and that are both.
type counts struct{ both, gold, predicted int }

func (c *Confusion) class(i int) counts {
	k := counts{both: c.N[i][i]}
	for j := range c.Labels {
		k.gold += c.N[i][j]
		k.predicted += c.N[j][i]
	}
	return k
}

func (k counts) plus(o counts) counts {
	return counts{k.both + o.both, k.gold + o.gold, k.predicted + o.predicted}
}

func (k counts) minus(o counts) counts {
	return counts{k.both - o.both, k.gold - o.gold, k.predicted - o.predicted}
}

func (k counts) prf() PRF {
	return PRF{percent(k.both, k.predicted), percent(k.both, k.gold), k.f1(), k.gold}
}

// f1 is 2*both/(gold+predicted), which is the harmonic mean of precision and recall if both exist.
func (k counts) f1() float64 { return percent(2*k.both, k.gold+k.predicted) }

func percent(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}

func (a PRF) plus(b PRF) PRF {
	return PRF{a.P + b.P, a.R + b.R, a.F1 + b.F1, a.Support + b.Support}
}

func (a PRF) over(n int) PRF {
	if n == 0 {
		return PRF{}
	}
	return PRF{a.P / float64(n), a.R / float64(n), a.F1 / float64(n), a.Support}
}
