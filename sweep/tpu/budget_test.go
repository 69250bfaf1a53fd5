package tpu

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/subbert/subbert/sweep"
)

// tpuRuns are runs of so many forecast hours each, with keys 0, 1, ...
func tpuRuns(hours ...float64) *sweep.Report {
	r := &sweep.Report{}
	for i, h := range hours {
		r.Runs = append(r.Runs, sweep.Status{Key: fmt.Sprint(i), State: sweep.Waiting, Hours: h, Command: []string{"pretrain"}})
	}
	return r
}

func tpuTask(key string) sweep.Task { return sweep.Task{Key: key, Args: []string{"pretrain"}} }

// TestBudget: shares go by the forecast; what a run leaves goes on; what was spent before counts; the sum is never exceeded.
func TestBudget(t *testing.T) {
	costs := map[string]float64{"0": 10} // of an earlier sweep
	open := func(r *sweep.Report) *budget {
		b := &budget{max: 100, caps: make(map[string]float64), spent: make(map[string]float64), cost: func(key string) (float64, error) { return costs[key], nil }}
		if err := b.begin(r); err != nil {
			t.Fatal(err)
		}
		return b
	}
	want := func(b *budget, key string, running []sweep.Task, most float64) {
		t.Helper()
		if err := b.refuse(tpuTask(key), running); err != nil {
			t.Fatal(err)
		}
		if got := b.cap(key); math.Abs(got-most) > 1e-9 {
			t.Errorf("run %s may cost %g, want %g", key, got, most)
		}
	}
	b := open(tpuRuns(1, 2, 3))
	want(b, "0", nil, 10+90./6)                       // its own 10, and a sixth of the rest
	want(b, "1", []sweep.Task{tpuTask("0")}, 75.*2/5) // 100 - 25 promised
	costs["0"], costs["1"] = 20, 5                    // both end below what they might
	want(b, "2", nil, 75)                             // 100 - 20 - 5
	if err := b.refuse(sweep.Task{Args: []string{"report"}}, nil); err != nil {
		t.Error(err)
	}
	costs["2"] = 75
	if err := b.refuse(tpuTask("2"), nil); err == nil || !strings.Contains(err.Error(), "--max-cost 100 is used up") {
		t.Error(err)
	}

	costs = map[string]float64{"0": 40}
	cached := tpuRuns(0, 0, 5)
	cached.Runs[0].State = sweep.Cached
	want(open(cached), "1", nil, 30) // half of what the cached run has left: not all have a forecast
	free := &budget{}
	if err := free.refuse(tpuTask("0"), nil); err != nil || free.cap("0") != 0 {
		t.Errorf("no bound: %v, %g", err, free.cap("0"))
	}
}

func TestTPUFlags(t *testing.T) {
	o := sweep.Options{"store": "gs://runs/sweep/", "project": "p", "spot": true, "self-delete": false, "max-hours": 2.5, "pretrain": map[string]any{"accelerator": "v3-8"}}
	flags, err := flagsOf(o, "00ff", "pretrain")
	if got, want := strings.Join(flags, " "), "--accelerator=v3-8 --max-hours=2.5 --project=p --no-self-delete --spot --store=gs://runs/sweep/00ff"; err != nil || got != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
	for key, value := range map[string]any{"store": "runs", "verb": "pretrain", "max-cost": 3.0} {
		bad := sweep.Options{"store": "gs://runs/sweep", key: value}
		if _, err := flagsOf(bad, "00ff", "pretrain"); err == nil || !strings.Contains(err.Error(), "on.tpu."+key) {
			t.Errorf("%s: %v", key, err)
		}
	}
}
