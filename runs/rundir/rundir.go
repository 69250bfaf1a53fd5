// Package rundir is the directory of a run: its config, metrics, checkpoints and result. Package result names the files.
//
// One process at a time works in a run directory; a lock that ends with the process sees to it.
package rundir

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/checkpoints/host"
	"github.com/subbert/subbert/checkpoints/safetensors"
	"github.com/subbert/subbert/internal/atomicfile"
	"github.com/subbert/subbert/runs/result"
	"github.com/subbert/subbert/trainer"
	"github.com/subbert/subbert/trainer/metrics"
)

// Names of the files of a checkpoint.
const (
	weightsFile   = "model.safetensors"
	optimizerFile = "optimizer.safetensors"
	trainerFile   = "trainer.json"
)

const lockFile = ".lock"

// ErrExists says that a directory already holds checkpoints and was not to be continued.
var ErrExists = errors.New("the run has checkpoints already")

// ErrBusy says that another process works in the directory.
var ErrBusy = errors.New("another process is running in this directory")

// Dir is a claimed run directory. It is not for concurrent use.
type Dir struct {
	path    string
	lock    *flock.Flock
	saver   *checkpoints.Saver
	keep    checkpoints.Retention
	writing chan error // of the save in flight; nil if there is none
	discard bool       // checkpoints go once there is a result
	goOn    bool       // where a checkpoint cannot be written
	onSaved func(checkpoints.Saved)

	// Failed, if set before the first save, hears of what could not be written where the run goes on all the same.
	Failed func(error)
}

// Open makes the directory at path, if need be, and claims it until Close. onSaved hears of every checkpoint once it is
// durable, from another goroutine.
func Open(path string, keep trainer.Checkpointing, onSaved func(checkpoints.Saved)) (*Dir, error) {
	lock, err := Claim(path)
	if err != nil {
		return nil, err
	}
	saver, err := checkpoints.NewSaver(filepath.Join(path, result.CheckpointsDir))
	if err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	retention := checkpoints.Retention{Last: keep.Keep, EverySteps: keep.KeepEvery, Every: time.Duration(keep.KeepHours * float64(time.Hour))}
	if keep.Keep == 0 { // all are kept; the zero value says so
		retention = checkpoints.Retention{}
	}
	return &Dir{path: path, lock: lock, saver: saver, keep: retention, discard: keep.Discard, goOn: keep.OnError == trainer.OnErrorContinue, onSaved: onSaved}, nil
}

// Claim makes the directory at path, if need be, and locks it until Unlock or the end of the process. It fails with
// ErrBusy if another process has it.
func Claim(path string) (*flock.Flock, error) {
	if err := os.MkdirAll(path, 0o755); err != nil {
		return nil, err
	}
	lock := flock.New(filepath.Join(path, lockFile))
	claimed, err := lock.TryLock()
	if err == nil && !claimed {
		err = ErrBusy
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return lock, nil
}

// Close waits for the save in flight and gives the directory up.
func (d *Dir) Close() error { return errors.Join(d.Flush(), d.lock.Unlock()) }

// File returns the path of a file of the run.
func (d *Dir) File(name string) string { return filepath.Join(d.path, name) }

// Continue returns the state at the newest valid checkpoint, and the newer ones that were passed over; nil if there is
// none. Without resume, a directory that has checkpoints is refused with ErrExists.
func (d *Dir) Continue(resume bool) (*trainer.State, []checkpoints.Passed, error) {
	step, passed, err := checkpoints.Latest(d.File(result.CheckpointsDir))
	if errors.Is(err, checkpoints.ErrNone) && (len(passed) == 0 || resume) {
		return nil, passed, nil
	}
	if err != nil {
		return nil, passed, err
	}
	if !resume {
		return nil, nil, fmt.Errorf("%s: %w, up to step %d", d.path, ErrExists, step.Step)
	}
	state, err := ReadState(step)
	return state, passed, err
}

// Newest returns the state of the newest valid checkpoint, once the save in flight is done.
func (d *Dir) Newest() (*trainer.State, error) {
	if err := d.Wait(); err != nil {
		return nil, err
	}
	step, _, err := checkpoints.Latest(d.File(result.CheckpointsDir))
	if err != nil {
		return nil, err
	}
	return ReadState(step)
}

// WriteConfig writes the resolved config, whole or not at all.
func (d *Dir) WriteConfig(text []byte) error {
	return atomicfile.WriteBytes(d.File(result.ConfigFile), text)
}

// WriteResult writes r as result.json, whole or not at all. Checkpoints that are to be discarded go after that.
func (d *Dir) WriteResult(r any) error {
	if err := d.writeJSON(result.File, r); err != nil || !d.discard {
		return err
	}
	return errors.Join(d.Flush(), os.RemoveAll(d.File(result.CheckpointsDir)))
}

// WriteWeights writes what became of the weights the run started from, as weights.json.
func (d *Dir) WriteWeights(report *checkpoints.Report) error {
	return d.writeJSON(result.WeightsFile, report)
}

func (d *Dir) writeJSON(name string, v any) error {
	return atomicfile.WriteJSON(d.File(name), v)
}

// WritePostMortem writes nonfinite.json: what it takes to look at the step that failed.
func (d *Dir) WritePostMortem(e *trainer.NonFiniteError) error {
	return d.writeJSON(result.PostMortemFile, struct {
		Step    int      `json:"step"`
		Loss    string   `json:"loss"` // as text: JSON has no NaN
		Norm    string   `json:"grad_norm"`
		Records []string `json:"records"`
	}{e.Step, fmt.Sprint(e.Loss), fmt.Sprint(e.Norm), e.Records})
}

// Metrics opens metrics.jsonl for a run that continues at step.
func (d *Dir) Metrics(step int) (*metrics.Lines, error) {
	lines, err := metrics.OpenLines(d.File(result.MetricsFile), step)
	if err == nil && d.goOn {
		lines.Tolerate(d.tell)
	}
	return lines, err
}

// Save writes the checkpoint of state in the background; as is the model it belongs to, but for the weights, which are
// state's. At most one save is in flight: Save waits for the one before, and returns its error, a *SaveError, unless the
// run is to go on.
func (d *Dir) Save(state *trainer.State, as checkpoints.Export) error {
	if err := d.Wait(); err != nil {
		return err
	}
	d.writing = make(chan error, 1)
	go func() { d.writing <- d.save(state, as) }()
	return nil
}

// Export writes the model of state, as Save does, without what training needs beside it. A model exported earlier is
// replaced.
func (d *Dir) Export(state *trainer.State, as checkpoints.Export) (path string, err error) {
	return d.ExportTo(result.ModelDir, state, as)
}

// ExportTo is Export to the directory name of the run. The model that it replaces stays until the new one is complete.
func (d *Dir) ExportTo(name string, state *trainer.State, as checkpoints.Export) (path string, err error) {
	path = d.File(name)
	fresh, old := d.File("."+name+".new"), d.File("."+name+".old")
	if err := errors.Join(os.RemoveAll(fresh), os.RemoveAll(old)); err != nil {
		return "", err
	}
	as.Weights = arrays("", state.Parameters)
	if err := checkpoints.WriteModel(fresh, as); err != nil {
		return "", err
	}
	if err := os.Rename(path, old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if err := os.Rename(fresh, path); err != nil {
		return "", err
	}
	return path, os.RemoveAll(old)
}

func (d *Dir) save(state *trainer.State, as checkpoints.Export) error {
	as.Weights = arrays("", state.Parameters)
	saved, err := d.saver.Save(state.Step, func(w checkpoints.FileWriter) error {
		if err := d.room(state); err != nil {
			return err
		}
		if err := as.Write(w); err != nil {
			return err
		}
		moments := slices.Concat(arrays("m.", state.M), arrays("v.", state.V))
		if err := writeTensors(w, optimizerFile, moments); err != nil {
			return err
		}
		return writeStep(w, progress{state.Step, state.Progress})
	})
	if err != nil {
		return d.failure(state.Step, err)
	}
	if d.onSaved != nil {
		d.onSaved(saved)
	}
	_, err = d.saver.Prune(d.keep)
	return err
}

// arrays gives a as tensors of a file, with prefix before their names.
func arrays(prefix string, a []trainer.Array) host.Memory {
	tensors := make(host.Memory, len(a))
	for i, x := range a {
		tensors[i] = host.Tensor{Name: prefix + x.Name, DType: host.F32, Shape: x.Shape, Data: host.Float32Bytes(x.Data)}
	}
	return tensors
}

func writeTensors(w checkpoints.FileWriter, name string, tensors host.Memory) error {
	f, err := w.Create(name)
	if err != nil {
		return err
	}
	if err := safetensors.Write(f, tensors, safetensors.PyTorch()); err != nil {
		return err // the file is left to whoever made it
	}
	return f.Close()
}

// progress is trainer.json: the part of the state that is not tensors.
type progress struct {
	Step int `json:"step"`
	trainer.Progress
}

func writeStep(w checkpoints.FileWriter, at progress) error {
	f, err := w.Create(trainerFile)
	if err != nil {
		return err
	}
	return errors.Join(json.NewEncoder(f).Encode(at), f.Close())
}

// ReadState reads the state that Save wrote.
func ReadState(step *checkpoints.Step) (*trainer.State, error) {
	state := &trainer.State{}
	path, err := step.Path(trainerFile)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var at progress
	if err := json.Unmarshal(text, &at); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	state.Step, state.Progress = at.Step, at.Progress
	if state.Parameters, err = readTensors(step, weightsFile); err != nil {
		return nil, err
	}
	moments, err := readTensors(step, optimizerFile)
	if err != nil {
		return nil, err
	}
	for _, a := range moments {
		slot, name, _ := strings.Cut(a.Name, ".")
		a.Name = name
		switch slot {
		case "m":
			state.M = append(state.M, a)
		case "v":
			state.V = append(state.V, a)
		default:
			return nil, fmt.Errorf("%s: %s: unknown tensor %s", step.Dir, optimizerFile, a.Name)
		}
	}
	return state, nil
}

// readTensors reads every tensor of a file of the checkpoint.
func readTensors(step *checkpoints.Step, name string) ([]trainer.Array, error) {
	path, err := step.Path(name)
	if err != nil {
		return nil, err
	}
	f, err := safetensors.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []trainer.Array
	for _, info := range f.Tensors() {
		a := trainer.Array{Name: info.Name, Shape: info.Shape, Data: make([]float32, info.Elements())}
		if err := host.ReadFloat32(f, info, a.Data); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, a)
	}
	return all, nil
}
