package report

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNumbersForPeople(t *testing.T) {
	for _, tt := range []struct{ name, got, want string }{
		{"count", count(27792), "27,792"},
		{"count of millions", count(-1234567), "−1,234,567"},
		{"small count", count(999), "999"},
		{"percent", percent(82.349), "82.3"},
		{"no negative zero", percent(-0.04), "0.0"},
		{"not a number", percent(math.NaN()), noValue},
		{"signed up", signed(3.16), "+3.2"},
		{"signed down", signed(-25.5), "−25.5"},
		{"signed zero", signed(0.01), "0.0"},
		{"learning rate", value(2e-5), "2e−5"},
		{"odd learning rate", value(1.25e-6), "1.25e−6"},
		{"loss", value(3.21987), "3.220"},
		{"two digits", value(31.4159), "31.42"},
		{"three digits", value(314.159), "314.2"},
		{"speed", value(8234.4), "8,234"},
		{"tokens", value(12288000), "12.3\u00a0M"},
		{"whole", value(5), "5"},
		{"zero", value(0), "0"},
		{"seconds", duration(4.21), "4.2 s"},
		{"a minute", duration(59.7), "1 min"},
		{"minutes", duration(402.5), "6 min 43 s"},
		{"hours", duration(3600*3 + 420), "3 h 7 min"},
		{"days", duration(86400*2 + 4*3600), "2 d 4 h"},
		{"scaled", scaled(1500), "1.5\u00a0k"},
		{"scaled down", scaled(-2.5e9), "−2.5\u00a0G"},
		{"phrase", phrase("mlm_loss"), "masked-LM loss"},
		{"unknown phrase", phrase("my_loss"), "my loss"},
		{"anchor", anchor("What ran where?"), "what-ran-where-"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.got != tt.want {
				t.Errorf("got %q, want %q", tt.got, tt.want)
			}
		})
	}
}

func TestTicks(t *testing.T) {
	for _, tt := range []struct {
		name   string
		lo, hi float64
		n      int
		want   []string
	}{
		{"steps", 0, 3000, 4, []string{"0", "1\u00a0k", "2\u00a0k", "3\u00a0k"}},
		{"loss", 2.9, 9.2, 5, []string{"4", "6", "8"}},
		{"shares", 0, 0.41, 5, []string{"0", "0.1", "0.2", "0.3", "0.4"}},
		{"rates", 0, 2e-5, 4, []string{"0", "5e−6", "1e−5", "1.5e−5", "2e−5"}},
		{"below zero", -1, 1, 4, []string{"−1.0", "−0.5", "0", "0.5", "1.0"}},
		{"fine", 0.998, 1.002, 4, []string{"0.998", "0.999", "1.000", "1.001", "1.002"}},
		{"no room between numbers", 1e17, 1e17 + 64, 1, []string{"1e+05\u00a0T"}},
		{"a point", 5, 5, 4, []string{"5"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, tick := range (ticks{tt.n}).Ticks(tt.lo, tt.hi) {
				got = append(got, tick.Label)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("labels (-want +got):\n%s", diff)
			}
		})
	}
}

// Marks lie within the axis, are evenly spaced and never many more than asked for.
func TestTicksProperties(t *testing.T) {
	for _, hi := range []float64{1e-7, 0.003, 0.9, 1, 7, 55, 999, 12345, 3e9} {
		for _, lo := range []float64{0, -hi / 3, hi / 2} {
			for n := 2; n <= 9; n++ {
				got := (ticks{n}).Ticks(lo, hi)
				if len(got) < 1 || len(got) > n+1 {
					t.Errorf("%d marks from %g to %g, want about %d", len(got), lo, hi, n)
				}
				labels := map[string]bool{}
				for _, tick := range got {
					if tick.Value < lo-hi*1e-6 || tick.Value > hi*(1+1e-6) {
						t.Errorf("mark %g is outside %g to %g", tick.Value, lo, hi)
					}
					if labels[tick.Label] {
						t.Errorf("label %s occurs twice from %g to %g", tick.Label, lo, hi)
					}
					labels[tick.Label] = true
				}
			}
		}
	}
}

// Bins keep the mean and the extremes of the points in them.
func TestBinned(t *testing.T) {
	var x, y []float64
	for i := range 10_000 {
		x, y = append(x, float64(10*i)), append(y, math.Sin(float64(i)/700)+float64(i%7))
	}
	bins := binned(x, y)
	if len(bins) < maxBins/2 || len(bins) > maxBins+1 {
		t.Errorf("got %d bins, want about %d", len(bins), maxBins)
	}
	low, high := math.Inf(1), math.Inf(-1)
	for i, b := range bins {
		if b.low > b.mean || b.mean > b.high || i > 0 && b.x <= bins[i-1].x {
			t.Errorf("bin %d is %+v after %+v", i, b, bins[max(0, i-1)])
		}
		low, high = min(low, b.low), max(high, b.high)
	}
	if low != slices.Min(y) || high != slices.Max(y) {
		t.Errorf("bins reach from %g to %g, want %g to %g", low, high, slices.Min(y), slices.Max(y))
	}
	if got := binned(x[:maxBins], y[:maxBins]); len(got) != maxBins || got[5].mean != y[5] {
		t.Error("a short curve was not left as it is")
	}
}

// Charts of few points can be drawn, too.
func TestChartsOfLittle(t *testing.T) {
	for _, tt := range []struct {
		name string
		c    Chart
	}{
		{"nothing", Chart{}},
		{"no points", Chart{Curves: []Curve{{Name: "a"}}}},
		{"one point", Chart{Curves: []Curve{{X: []float64{5}, Y: []float64{3}}}}},
		{"constant", Chart{Curves: []Curve{{X: []float64{1, 2, 3}, Y: []float64{0, 0, 0}}}}},
		{"only a level", Chart{Levels: []Level{{"x", 3}}}},
		{"many colours", Chart{Curves: []Curve{{X: []float64{1, 2}, Y: []float64{0, 1}, Color: 17, Marked: true}}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			svg, err := forPage(tt.c, wide)
			if err != nil || svg == "" {
				t.Errorf("got %q, %v", svg, err)
			}
			if got := tt.c.numbers(); len(got.Columns) == 0 {
				t.Error("the table has no columns")
			}
		})
	}
}

func TestNumbersBesideAChart(t *testing.T) {
	long := Curve{Name: "training"}
	for i := range 1001 {
		long.X, long.Y = append(long.X, float64(i)), append(long.Y, float64(i)/1000)
	}
	c := Chart{XLabel: "step", Curves: []Curve{long, {Name: "held-out", X: []float64{500, 1000}, Y: []float64{0.25, 0.75}}}}
	got := c.numbers()
	if n := len(got.Rows); n < numRows || n > numRows+2 {
		t.Errorf("got %d rows, want about %d", n, numRows)
	}
	if diff := cmp.Diff([]string{"1,000", "1", "0.750"}, got.Rows[len(got.Rows)-1].Cells); diff != "" {
		t.Errorf("last row (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"0", "0", noValue}, got.Rows[0].Cells); diff != "" {
		t.Errorf("first row (-want +got):\n%s", diff)
	}
}
