package launch

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/checkpoints/bucket"
	"github.com/subbert/subbert/tpu/launch/launchtest"
)

// inputs is a config that consists of its paths.
type inputs map[string]*string

func (c inputs) Paths() map[string]*string { return c }

func (c inputs) Text() ([]byte, error) { return []byte(*c["model"] + " " + *c["shards"]), nil }

// TestSetConfig: local inputs go along, shards to the store, and gs:// addresses stay.
func TestSetConfig(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "pairs.tsv")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name                 string
		model, shards, train string
		text                 string
		inputs, streams      map[string]string
		err                  string
	}{
		{name: "local", model: dir, shards: dir, train: file, text: "inputs/model gs://my-runs/ppi/seed-1/inputs/shards",
			inputs: map[string]string{"model": dir, "train": file}, streams: map[string]string{"shards": dir}},
		{name: "in a store", model: dir, shards: "gs://other/ppi", text: "inputs/model gs://other/ppi", inputs: map[string]string{"model": dir}, streams: map[string]string{}},
		{name: "malformed address", model: dir, shards: "gs://b", err: `shards: "gs://b": want gs://BUCKET/PREFIX`},
		{name: "no such file", model: dir + "/none", err: "model: stat "},
	} {
		t.Run(test.name, func(t *testing.T) {
			var b Bundle
			err := b.SetConfig(inputs{"model": &test.model, "shards": &test.shards, "train": &test.train}, exampleRun())
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Errorf("got %v, want %s", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]any{test.text, test.inputs, test.streams}, []any{string(b.Config), b.Inputs, b.Streams}); diff != "" {
				t.Errorf("want then got:\n%s", diff)
			}
		})
	}
	var address *AddressError
	if malformed := "gs://b"; !errors.As(new(Bundle).SetConfig(inputs{"model": &malformed}, exampleRun()), &address) || address.Input != "model" {
		t.Errorf("got %v, want an AddressError of model", address)
	}
}

// TestStart: a new run is checked before anything is written; an existing one is joined if its config is the same.
func TestStart(t *testing.T) {
	program := filepath.Join(t.TempDir(), "subbert")
	if err := os.WriteFile(program, []byte("program"), 0o755); err != nil {
		t.Fatal(err)
	}
	s, checks := &bucket.Memory{}, 0
	start := func(config string, refusal error) (bool, error) {
		r, b := exampleRun(), &Bundle{Binary: program, Config: []byte(config)}
		if err := b.Describe(&r); err != nil {
			t.Fatal(err)
		}
		return b.Start(t.Context(), s, r, func() error { checks++; return refusal })
	}
	refusal := errors.New("too dear")
	if _, err := start("a", refusal); !errors.Is(err, refusal) {
		t.Errorf("got %v, want the refusal", err)
	}
	if objects, err := s.List(t.Context(), ""); err != nil || len(objects) > 0 {
		t.Errorf("%d objects after a refusal (%v)", len(objects), err)
	}
	if joined, err := start("a", nil); err != nil || joined {
		t.Errorf("a new run: joined %t, %v", joined, err)
	}
	if joined, err := start("a", refusal); err != nil || !joined || checks != 2 {
		t.Errorf("the same run: joined %t, %v, after %d checks, want 2", joined, err, checks)
	}
	var other *OtherConfigError
	if _, err := start("b", nil); !errors.As(err, &other) {
		t.Errorf("another config: %v", err)
	}
}

func TestCheckDetached(t *testing.T) {
	for _, test := range []struct {
		name string
		run  Run
		want string
	}{
		{"bounded by hours", Run{SelfDelete: true, MaxHours: 1}, ""},
		{"bounded by cost", Run{SelfDelete: true, MaxCost: 1, HourPrice: 2}, ""},
		{"unbounded", Run{SelfDelete: true}, "--max-hours"},
		{"never deleted", Run{MaxHours: 1}, "--no-self-delete"},
	} {
		if err := test.run.CheckDetached(); (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}
}

func TestRows(t *testing.T) {
	r := exampleRun()
	r.MaxHours, r.MaxCost, r.HourPrice, r.Inputs, r.Streams = 12, 30, 2.5, []string{"model"}, []string{"shards"}
	b := &Bundle{Binary: "subbert", Inputs: map[string]string{"model": "/m"}, Streams: map[string]string{"shards": "/s"}}
	want := [][2]string{
		{"run", r.ID}, {"machine", "subbert-" + r.ID + ": v3-8, tpu-ubuntu2204-base, in europe-west4-a of my-project, spot true"}, {"store", r.Store},
		{"program", "subbert, sha256 " + r.Binary.SHA256}, {"input", "model: /m"}, {"input", "shards: /s, read from the store"},
		{"bounds", "at most 12 machine-hours and a cost of 30 at 2.5 an hour"},
	}
	if diff := cmp.Diff(want, b.Rows(r)); diff != "" {
		t.Errorf("the run to start, want then got:\n%s", diff)
	}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	state := State{Run: r, Controller: Status{Doing: "waiting: training", Attempts: 2, Preemptions: 1, Hours: 1.5}, Cost: 3.75,
		Heartbeat: &Heartbeat{Doing: "training", Step: 40, Time: now.Add(-90 * time.Second), Host: "m/1"}, Outcome: &Outcome{State: Stopped, Step: 40, Why: "asked to stop"}}
	want = [][2]string{
		{"run", r.ID + ": v3-8 in europe-west4-a of my-project, running"}, {"controller", "waiting: training"}, {"machines", "2 requested, 1 taken away, 1.50 hours"},
		{"cost", "3.75"}, {"heartbeat", "training, step 40, 1m30s ago by m/1"}, {"outcome", "stopped at step 40 asked to stop"},
	}
	if diff := cmp.Diff(want, state.Rows(now)); diff != "" {
		t.Errorf("a state, want then got:\n%s", diff)
	}
}

// TestReadState: of a new run only the record exists.
func TestReadState(t *testing.T) {
	s := &bucket.Memory{}
	if _, err := ReadState(t.Context(), s); err == nil {
		t.Error("a state of no run")
	}
	if _, _, err := Make(t.Context(), s, exampleRun()); err != nil {
		t.Fatal(err)
	}
	if state, err := ReadState(t.Context(), s); err != nil || state.Run.ID != exampleRun().ID || state.Heartbeat != nil || state.Outcome != nil {
		t.Errorf("%+v, %v", state, err)
	}
}

// TestVerify: each check fails alone, and the store is left as it was.
func TestVerify(t *testing.T) {
	for _, test := range []struct {
		name, call string
		fails      int
	}{{"nothing", "", -1}, {"no role", "GET queuedResources", 1}, {"no such type", "GET acceleratorTypes", 2}} {
		t.Run(test.name, func(t *testing.T) {
			w := &world{t: t, api: &launchtest.API{}}
			if test.call != "" {
				w.api.Script(test.call, launchtest.Fault{Code: 403, Message: "denied"})
			}
			s := &bucket.Memory{}
			for i, check := range Verify(t.Context(), s, w.controller("x", nil).Cloud, exampleRun()) {
				if (check.Err != nil) != (i == test.fails) || check.Remedy == "" {
					t.Errorf("%s: %v", check.Name, check.Err)
				}
			}
			if objects, err := s.List(t.Context(), ""); err != nil || len(objects) > 0 {
				t.Errorf("%d objects are left (%v)", len(objects), err)
			}
		})
	}
}
