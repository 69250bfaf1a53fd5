// Package launch owns a run on a Cloud TPU from request to result.
//
// The run's record in its store holds the desired state; the TPU API reports the actual state. A [Controller]
// repeatedly compares the two and takes the next action. It keeps no state in memory, so it can be stopped, started
// elsewhere, or run twice. A [Machine] is the other side: it trains on the TPU VM, keeps checkpoints in the store and
// sends heartbeats.
//
// The queued resource and the node of a run have the same name, made from its store's address, so the API itself
// refuses a second machine. Objects of a store:
//
//	run.json         the desired state: Run
//	bin/, config/, plugin/  the program, the config and libtpu, which run.json pins by sha256
//	inputs/          models and data, which are read and never executed
//	controller.json  the lease of the controller that acts; its notes are Status
//	lease.json       the lease of the machine that writes, and the checkpoints that are complete
//	heartbeat.json   Heartbeat of the machine
//	logs/            output of machines, by token
//	checkpoints/     files of checkpoints
//	outcome.json     Outcome; once it exists, the machine is deleted
//	metrics.jsonl, result.json, model/  of the finished run
//
// Times are UTC, hours are those of one existing machine, money is in the currency of the price table.
package launch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/subbert/subbert/checkpoints/bucket"
	"github.com/subbert/subbert/checkpoints/bucket/gcs"
	"github.com/subbert/subbert/runs/result"
)

// Names of a run's objects.
const (
	RunObject        = "run.json"
	ControllerObject = "controller.json"
	LeaseObject      = "lease.json"
	HeartbeatObject  = "heartbeat.json"
	OutcomeObject    = "outcome.json"
	MetricsObject    = result.MetricsFile
	LogsPrefix       = "logs"
	ModelPrefix      = result.ModelDir

	inputsPrefix      = "inputs"
	binaryPrefix      = "bin"
	configPrefix      = "config"
	pluginPrefix      = "plugin"
	checkpointsPrefix = result.CheckpointsDir
	resultObject      = result.File
)

// configFile is the config on the machine.
const configFile = result.ConfigFile

const recordFormat = 1

// Desired states of a run.
const (
	Running = "running"
	Stopped = "stopped"
)

// Run is run.json. All fields except Desired, Reason and Asked are fixed when the run is made.
type Run struct {
	Format int       `json:"format"`
	ID     string    `json:"id"`
	Made   time.Time `json:"made"`
	Store  string    `json:"store"`

	Project        string `json:"project"`
	Zone           string `json:"zone"`
	Accelerator    string `json:"accelerator"`     // such as v3-8
	Runtime        string `json:"runtime_version"` // image of the TPU VM
	Spot           bool   `json:"spot"`
	Network        string `json:"network,omitempty"`
	ServiceAccount string `json:"service_account,omitempty"` // of the machine
	SSHKey         string `json:"ssh_key,omitempty"`         // public, in authorized_keys form

	Verb    string   `json:"verb"`    // pretrain or finetune
	Backend string   `json:"backend"` // tpu or go
	Inputs  []string `json:"inputs"`  // trees below inputs/ that are copied to the machine
	Streams []string `json:"streams"` // trees that the trainer reads from the store through a cache
	Binary  Pinned   `json:"binary"`
	Config  Pinned   `json:"config"`
	Plugin  *Pinned  `json:"plugin,omitempty"` // the wheel of libtpu

	MaxHours  float64 `json:"max_hours,omitempty"`  // 0: no bound
	MaxCost   float64 `json:"max_cost,omitempty"`   // likewise
	HourPrice float64 `json:"hour_price,omitempty"` // 0: not known

	SelfDelete    bool    `json:"self_delete"`                    // the machine deletes itself at the end
	MaxUnattended float64 `json:"max_unattended_hours,omitempty"` // hours without a controller; 0: no bound

	Desired string    `json:"desired"`
	Reason  string    `json:"reason,omitempty"` // why it is stopped
	Asked   time.Time `json:"asked"`            // time of the last change of Desired
}

// Pinned is an object that is used only if it has this checksum.
type Pinned struct {
	Object string `json:"object"`
	SHA256 string `json:"sha256"` // hexadecimal
}

// Heartbeat is heartbeat.json.
type Heartbeat struct {
	Step  int       `json:"step"` // of the newest committed checkpoint; -1 if there is none
	Time  time.Time `json:"time"`
	Host  string    `json:"host"`
	Token int64     `json:"token"` // of the machine's lease
	Doing string    `json:"doing"`
}

// Ends of a run.
const (
	Done   = "done"
	Failed = "failed"
)

// Outcome is outcome.json: how a run ended. State is Done, Failed or Stopped.
type Outcome struct {
	State string    `json:"state"`
	Step  int       `json:"step"` // of the newest committed checkpoint; -1 if there is none
	Time  time.Time `json:"time"`
	Why   string    `json:"why,omitempty"`
	Tail  []string  `json:"tail,omitempty"` // the last lines that the machine printed, of a failure
}

var (
	notInNames = regexp.MustCompile(`[^a-z0-9]+`)
	zoneForm   = regexp.MustCompile(`^[a-z]+(-[a-z0-9]+)+$`)
	typeForm   = regexp.MustCompile(`^v[0-9]+[a-z]*-[0-9]+$`)
	wordForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:-]*$`)
	emailForm  = regexp.MustCompile(`^[A-Za-z0-9._-]+@[A-Za-z0-9.-]+$`)
	sumForm    = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// ID identifies the run in the store at an address: the last part of the address, for people, and a checksum of
// the whole address. It is a label value and part of resource names.
func ID(store string) string {
	sum := sha256.Sum256([]byte(strings.TrimSuffix(store, "/")))
	slug := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(path.Base(store)), "-"), "-")
	return strings.Trim(slug[:min(len(slug), 30)], "-") + "-" + hex.EncodeToString(sum[:4])
}

// Name is the name of the run's queued resource and node.
func (r Run) Name() string { return "subbert-" + r.ID }

// Validate returns every fault of r at once.
func (r Run) Validate() error {
	var errs []error
	want := func(ok bool, name, value, form string) {
		if !ok {
			errs = append(errs, fmt.Errorf("%s = %q: want %s", name, value, form))
		}
	}
	_, _, err := gcs.Split(r.Store)
	errs = append(errs, err)
	want(r.ID == ID(r.Store), "id", r.ID, ID(r.Store))
	want(wordForm.MatchString(r.Project), "project", r.Project, "a project's id")
	want(zoneForm.MatchString(r.Zone), "zone", r.Zone, "a zone such as europe-west4-a")
	want(typeForm.MatchString(r.Accelerator), "accelerator", r.Accelerator, "a type such as v3-8")
	want(wordForm.MatchString(r.Runtime), "runtime version", r.Runtime, "an image such as tpu-ubuntu2204-base")
	want(r.Network == "" || wordForm.MatchString(r.Network), "network", r.Network, "a network's name")
	want(r.ServiceAccount == "" || emailForm.MatchString(r.ServiceAccount), "service account", r.ServiceAccount, "an address such as NAME@PROJECT.iam.gserviceaccount.com")
	want(r.Verb == "pretrain" || r.Verb == "finetune", "verb", r.Verb, "pretrain or finetune")
	want(r.Backend == "tpu" || r.Backend == "go", "backend", r.Backend, "tpu or go")
	want(sumForm.MatchString(r.Binary.SHA256), "sha256 of the program", r.Binary.SHA256, "64 hexadecimal digits")
	want(sumForm.MatchString(r.Config.SHA256), "sha256 of the config", r.Config.SHA256, "64 hexadecimal digits")
	want(r.Desired == Running || r.Desired == Stopped, "desired", r.Desired, "running or stopped")
	for _, bound := range []struct {
		name  string
		value float64
	}{{"max hours", r.MaxHours}, {"max cost", r.MaxCost}, {"max unattended hours", r.MaxUnattended}, {"price of an hour", r.HourPrice}} {
		if !(bound.value >= 0) || math.IsInf(bound.value, 0) { // NaN fails too
			errs = append(errs, fmt.Errorf("%s = %g: want a number, 0 or more", bound.name, bound.value))
		}
	}
	if r.MaxCost > 0 && r.HourPrice <= 0 {
		errs = append(errs, fmt.Errorf("max cost needs the price of an hour of %s: give a price table with --prices", r.Accelerator))
	}
	return errors.Join(errs...)
}

// Cost is the cost of a number of hours; 0 if the price is unknown.
func (r Run) Cost(hours float64) float64 { return hours * r.HourPrice }

// hours is the number of machine-hours that the bounds allow; 0: any number.
func (r Run) hours() float64 {
	h := r.MaxHours
	if r.MaxCost > 0 && r.HourPrice > 0 {
		if c := r.MaxCost / r.HourPrice; h == 0 || c < h {
			h = c
		}
	}
	return h
}

// over names the bound that the hours exceed.
func (r Run) over(hours float64) string {
	switch {
	case r.MaxHours > 0 && hours >= r.MaxHours:
		return fmt.Sprintf("%.2f machine-hours, want at most %g", hours, r.MaxHours)
	case r.MaxCost > 0 && r.Cost(hours) >= r.MaxCost:
		return fmt.Sprintf("%.2f machine-hours cost %.2f, want at most %g", hours, r.Cost(hours), r.MaxCost)
	}
	return ""
}

// ReadRun reads and checks the record of the run in a store.
func ReadRun(ctx context.Context, s bucket.Store) (Run, error) {
	r, _, err := readRun(ctx, s)
	return r, err
}

func readRun(ctx context.Context, s bucket.Store) (Run, int64, error) {
	var r Run
	generation, err := bucket.ReadJSON(ctx, s, RunObject, &r)
	if errors.Is(err, fs.ErrNotExist) {
		return r, 0, fmt.Errorf("%s has no run: %w", s, err)
	}
	if err == nil && r.Format != recordFormat {
		err = fmt.Errorf("%s/%s: format %d, want %d", s, RunObject, r.Format, recordFormat)
	}
	if err == nil {
		err = r.Validate()
	}
	return r, generation, err
}

// Make writes the record of a new run, or joins an existing one: it then returns the existing record, and asks the
// run to go on if it was stopped. It does not change a run that failed or is done.
func Make(ctx context.Context, s bucket.Store, r Run) (made Run, joined bool, err error) {
	r.Format, r.Desired, r.Made, r.Asked = recordFormat, Running, time.Now().UTC(), time.Now().UTC()
	if err := r.Validate(); err != nil {
		return r, false, err
	}
	_, err = bucket.WriteJSON(ctx, s, RunObject, r, bucket.Condition{Absent: true})
	if !errors.Is(err, bucket.ErrChanged) {
		return r, false, err
	}
	outcome, err := ReadOutcome(ctx, s)
	if err != nil {
		return r, true, err
	}
	made, err = Ask(ctx, s, func(there *Run) {
		there.Desired, there.Reason = Running, ""
		there.MaxHours, there.MaxCost, there.HourPrice, there.MaxUnattended = r.MaxHours, r.MaxCost, r.HourPrice, r.MaxUnattended
	})
	if err == nil && outcome != nil && outcome.State == Stopped {
		err = s.Delete(ctx, OutcomeObject)
	}
	return made, true, err
}

// Ask changes the desired state of the run in a store. Concurrent changes are safe.
func Ask(ctx context.Context, s bucket.Store, change func(*Run)) (Run, error) {
	for {
		r, generation, err := readRun(ctx, s)
		if err != nil {
			return r, err
		}
		before := r.Desired
		change(&r)
		if r.Desired != before {
			r.Asked = time.Now().UTC()
		}
		_, err = bucket.WriteJSON(ctx, s, RunObject, r, bucket.Condition{Generation: generation})
		if !errors.Is(err, bucket.ErrChanged) {
			return r, err
		}
	}
}

// Stop asks the run in a store to save and release its machine.
func Stop(ctx context.Context, s bucket.Store, why string) error {
	_, err := Ask(ctx, s, func(r *Run) { r.Desired, r.Reason = Stopped, why })
	return err
}

// ReadOutcome is the outcome of the run in a store; nil if it has not ended.
func ReadOutcome(ctx context.Context, s bucket.Store) (*Outcome, error) {
	return optional[Outcome](ctx, s, OutcomeObject)
}

// ReadHeartbeat is the last heartbeat of the run's machines; nil if there was none.
func ReadHeartbeat(ctx context.Context, s bucket.Store) (*Heartbeat, error) {
	return optional[Heartbeat](ctx, s, HeartbeatObject)
}

func optional[T any](ctx context.Context, s bucket.Store, name string) (*T, error) {
	v := new(T)
	_, err := bucket.ReadJSON(ctx, s, name, v)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return v, err
}

// conclude writes the outcome unless there is one.
func conclude(ctx context.Context, s bucket.Store, o Outcome) error {
	o.Time = time.Now().UTC()
	_, err := bucket.WriteJSON(ctx, s, OutcomeObject, o, bucket.Condition{Absent: true})
	if errors.Is(err, bucket.ErrChanged) {
		return nil
	}
	return err
}
