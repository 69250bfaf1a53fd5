package evaluate

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// tolerance is of a fraction, so a hundred times as much of a percentage: it covers the order in which scikit-learn
// and we add and divide.
const tolerance = 1e-12

var near = cmp.Options{cmpopts.EquateApprox(0, 100*tolerance), cmpopts.EquateEmpty()}

type prf struct{ P, R, F1 float64 }

type fixtures struct {
	Labels []struct {
		Name                 string
		Labels, Gold, Pred   []string
		Negative             string
		Micro, Macro, Binary prf
		Accuracy             float64
		PerClass             map[string]PRF `json:"per_class"`
		Confusion            [][]int
	}
	Curves []struct {
		Name                          string
		Positive                      []bool
		Score                         []float64
		Bins                          int
		Precision, Recall, Thresholds []float64
		AveragePrecision              float64 `json:"average_precision"`
		Observed, Predicted           []float64
		Brier                         float64
	}
}

func loadFixtures(t *testing.T) fixtures {
	t.Helper()
	data, err := os.ReadFile("testdata/scores.json")
	if err != nil {
		t.Fatal(err)
	}
	var f fixtures
	if err := json.Unmarshal(data, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestScoreEqualsScikitLearn(t *testing.T) {
	for _, c := range loadFixtures(t).Labels {
		t.Run(c.Name, func(t *testing.T) {
			got, err := Score(c.Gold, c.Pred, c.Labels, c.Negative)
			if err != nil {
				t.Fatal(err)
			}
			bare := func(p PRF) prf { return prf{p.P, p.R, p.F1} }
			for name, pair := range map[string][2]any{
				"micro":     {bare(got.Micro), c.Micro},
				"macro":     {bare(got.Macro), c.Macro},
				"binary":    {bare(got.Binary), c.Binary},
				"accuracy":  {got.Accuracy, c.Accuracy},
				"per class": {got.PerClass, c.PerClass},
				"confusion": {got.Confusion, c.Confusion},
				"instances": {got.Instances, len(c.Gold)},
			} {
				if d := cmp.Diff(pair[1], pair[0], near); d != "" {
					t.Errorf("%s (-scikit-learn +got):\n%s", name, d)
				}
			}
		})
	}
}

func TestCurvesEqualScikitLearn(t *testing.T) {
	for _, c := range loadFixtures(t).Curves {
		t.Run(c.Name, func(t *testing.T) {
			positives := 0
			for _, p := range c.Positive {
				if p {
					positives++
				}
			}
			curve, err := PRCurve(c.Positive, c.Score, positives)
			if err != nil {
				t.Fatal(err)
			}
			var p, r, th []float64
			for _, x := range curve {
				p, r, th = append(p, x.P), append(r, x.R), append(th, x.Threshold)
			}
			cal, err := Calibrate(c.Positive, c.Score, c.Bins)
			if err != nil {
				t.Fatal(err)
			}
			var observed, predicted []float64
			count, ece := 0, 0.0
			for _, b := range cal.Bins {
				observed, predicted = append(observed, b.Observed), append(predicted, b.Predicted)
				count += b.Count
				ece += math.Abs(b.Observed-b.Predicted) * float64(b.Count) / float64(len(c.Score))
			}
			for name, pair := range map[string][2]any{
				"precision":         {p, c.Precision},
				"recall":            {r, c.Recall},
				"thresholds":        {th, c.Thresholds},
				"average precision": {AveragePrecision(curve), c.AveragePrecision},
				"observed":          {observed, c.Observed},
				"predicted":         {predicted, c.Predicted},
				"brier":             {cal.Brier, c.Brier},
				"count":             {count, len(c.Score)},
				"ece":               {cal.ECE, ece},
			} {
				if d := cmp.Diff(pair[1], pair[0], near); d != "" {
					t.Errorf("%s (-scikit-learn +got):\n%s", name, d)
				}
			}
		})
	}
}

func TestPoolIsTheScoreOfAllFoldsTogether(t *testing.T) {
	labels := []string{"1", "0"}
	folds := []struct{ gold, pred []string }{
		{[]string{"1", "1", "0", "0"}, []string{"1", "0", "0", "1"}},
		{[]string{"1", "0"}, []string{"1", "0"}},
	}
	var cs []*Confusion
	var gold, pred []string
	for _, f := range folds {
		c, err := Confuse(f.gold, f.pred, labels)
		if err != nil {
			t.Fatal(err)
		}
		cs = append(cs, c)
		gold, pred = append(gold, f.gold...), append(pred, f.pred...)
	}
	pooled, err := Pool(cs...)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pooled.Report("0")
	if err != nil {
		t.Fatal(err)
	}
	want, err := Score(gold, pred, labels, "0")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("pooled (-want +got):\n%s", d)
	}
	// Folds score 50 and 100: the mean is 75 with a sample deviation of 25*sqrt(2), the pooled F1 66.7.
	var f1 []float64
	for _, c := range cs {
		report, err := c.Report("0")
		if err != nil {
			t.Fatal(err)
		}
		f1 = append(f1, report.Micro.F1)
	}
	if d := cmp.Diff(Spread{75, 25 * math.Sqrt2, 50, 100, 2}, SpreadOf(f1), near); d != "" {
		t.Errorf("F1 over folds (-want +got):\n%s", d)
	}
}

func TestScoreRefuses(t *testing.T) {
	tests := []struct {
		name               string
		gold, pred, labels []string
		negative, want     string
	}{
		{"lengths", []string{"1"}, []string{"1", "0"}, []string{"1", "0"}, "0", "1 gold labels and 2 predicted"},
		{"nothing", nil, nil, []string{"1", "0"}, "0", "no labels"},
		{"unknown", []string{"1", "x"}, []string{"y", "1"}, []string{"1", "0"}, "0", "unknown labels y, x; the label set is 1, 0"},
		{"negative", []string{"1"}, []string{"1"}, []string{"1", "0"}, "false", `negative label "false" is not in the label set 1, 0`},
		{"twice", []string{"1"}, []string{"1"}, []string{"1", "1"}, "1", `label "1" occurs twice`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Score(tt.gold, tt.pred, tt.labels, tt.negative)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
		})
	}
	_, err := Score([]string{"x"}, []string{"1"}, []string{"1"}, "1")
	if _, ok := errors.AsType[*UnknownLabelsError](err); !ok {
		t.Errorf("error %v is no *UnknownLabelsError", err)
	}
}
