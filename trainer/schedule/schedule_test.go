package schedule

import (
	"math"
	"strings"
	"testing"
)

func TestRate(t *testing.T) {
	at := func(step int, want float64) func(*testing.T, Schedule) {
		return func(t *testing.T, s Schedule) {
			t.Helper()
			if got := s.Rate(step); math.Abs(got-want) > 1e-12 {
				t.Errorf("step %d: rate %v, want %v", step, got, want)
			}
		}
	}
	tests := []struct {
		name   string
		config Config
		checks []func(*testing.T, Schedule)
	}{
		{"linear is Google's: rate 0 at step 0, decay not shifted by the warm-up",
			Config{Kind: Linear, Steps: 100, WarmupSteps: 10},
			[]func(*testing.T, Schedule){at(0, 0), at(5, 0.5), at(9, 0.9), at(10, 0.9), at(50, 0.5), at(99, 0.01), at(100, 0)}},
		{"linear without warm-up starts at the peak", Config{Kind: Linear, Steps: 4},
			[]func(*testing.T, Schedule){at(0, 1), at(3, 0.25)}},
		{"sawtooth falls in run i from 1/i to 0", Config{Kind: Sawtooth, Steps: 100_000, WarmupSteps: 10, Runs: 10},
			[]func(*testing.T, Schedule){at(10, 1-10.0/10_000), at(9_999, 1e-4), at(10_000, 1.0/2), at(19_999, 1.0/20_000), at(20_000, 1.0/3), at(90_000, 0.1)}},
		{"constant", Config{Kind: Constant, Steps: 10, WarmupSteps: 2},
			[]func(*testing.T, Schedule){at(1, 0.5), at(2, 1), at(9, 1), at(10, 0)}},
		{"cosine", Config{Kind: Cosine, Steps: 10}, []func(*testing.T, Schedule){at(0, 1), at(5, 0.5)}},
		{"wsd", Config{Kind: WSD, Steps: 100, DecayFraction: 0.2},
			[]func(*testing.T, Schedule){at(0, 1), at(80, 1), at(90, 0.5), at(99, 0.05)}},
		{"warm-up as a fraction", Config{Kind: Constant, Steps: 50, WarmupFraction: 0.1},
			[]func(*testing.T, Schedule){at(1, 0.2), at(5, 1)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, err := New(tt.config, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, check := range tt.checks {
				check(t, s)
			}
		})
	}
}

// TestSawtoothSum holds the figure of the paper's facts: the release's ten runs spend 29 % of a single decay's rate.
func TestSawtoothSum(t *testing.T) {
	sum := func(kind string) (total float64) {
		s, err := New(Config{Kind: kind, Steps: 100_000, Runs: 10}, 0)
		if err != nil {
			t.Fatal(err)
		}
		for step := range s.Steps() {
			total += s.Rate(step)
		}
		return total
	}
	if ratio := sum(Sawtooth) / sum(Linear); math.Abs(ratio-0.293) > 0.001 {
		t.Errorf("sawtooth spends %.4f of linear's rate, want 0.293", ratio)
	}
}

func TestEpochs(t *testing.T) {
	s, err := New(Config{Kind: Linear, Epochs: 2.5, WarmupFraction: 0.1}, 20)
	if err != nil {
		t.Fatal(err)
	}
	if s.Steps() != 50 || s.WarmupSteps() != 5 {
		t.Errorf("got %d steps, %d of warm-up, want 50 and 5", s.Steps(), s.WarmupSteps())
	}
	if _, err := New(Config{Kind: Linear, Epochs: 2}, 0); err == nil || !strings.Contains(err.Error(), "schedule.epochs") {
		t.Errorf("epochs without a length: got %v", err)
	}
}

func TestValidateNamesEveryFault(t *testing.T) {
	err := Config{Kind: "linaer", Steps: 5, Epochs: 1, WarmupSteps: 9}.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{`"linaer"`, "contradicts epochs = 1", "warmup_steps = 9 is more than steps = 5"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q does not mention %q", err, want)
		}
	}
}
