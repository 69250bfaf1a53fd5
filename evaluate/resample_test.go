package evaluate

import (
	"math"
	"slices"
	"testing"
)

// TestResample: F1 is that of the predictions, and the interval is about as wide as the binomial one where F1 is a share:
// with every instance positive and predicted 1 or 2, F1 is the share that is right.
func TestResample(t *testing.T) {
	const n, share = 400, 0.7
	gold, predicted := slices.Repeat([]string{"1"}, n), make([]string, n)
	for i := range predicted {
		predicted[i] = "2"
		if float64(i) < share*n {
			predicted[i] = "1"
		}
	}
	got, err := Resample(t.Context(), gold, [][]string{predicted}, "0", 4000, 1)
	if err != nil {
		t.Fatal(err)
	}
	half := 196 * math.Sqrt(share*(1-share)/n) // percent
	if math.Abs(got.F1-70) > 1e-9 || math.Abs(got.F1-half-got.Low) > 0.6 || math.Abs(got.F1+half-got.High) > 0.6 || got.N != n {
		t.Errorf("got %+v, want F1 70 from %.1f to %.1f", got, 70-half, 70+half)
	}
	again, err := Resample(t.Context(), gold, [][]string{predicted, predicted}, "0", 4000, 1)
	if err != nil {
		t.Fatal(err)
	}
	if again.Low != got.Low || again.High != got.High {
		t.Errorf("the same run twice has another interval: %+v and %+v", again, got)
	}
	if _, err := Resample(t.Context(), gold, nil, "0", 10, 1); err == nil {
		t.Error("no runs were resampled")
	}
	if _, err := Resample(t.Context(), gold, [][]string{predicted}, "0", 0, 1); err == nil {
		t.Error("no samples were drawn")
	}
}
