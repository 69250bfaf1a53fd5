// Package rundir reads and writes the directory of a run: its config, metrics, checkpoints and result. Package result
// names the files.
//
// One process at a time works in a run directory. It holds a lock, which ends with the process.
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
	configFile    = "config.json"
	weightsFile   = "model.safetensors"
	optimizerFile = "optimizer.safetensors"
	trainerFile   = "trainer.json"
)

const lockFile = ".lock"

// ErrExists says that a directory already has checkpoints and the run was not asked to resume.
var ErrExists = errors.New("the run already has checkpoints")

// ErrBusy says that another process works in the directory.
var ErrBusy = errors.New("another process is running in this directory")

// Dir is a claimed run directory. It is not for concurrent use.
type Dir struct {
	path    string
	lock    *flock.Flock
	saver   *checkpoints.Saver
	keep    checkpoints.Retention
	writing chan error // of the save in progress; nil if there is none
	discard bool       // remove the checkpoints once there is a result
	goOn    bool       // continue if a checkpoint cannot be written
	onSaved func(checkpoints.Saved)
	from    *checkpoints.Step // that Continue read

	// Failed, if set before the first save, receives the errors of failed writes after which the run continues.
	Failed func(error)
}

// Open creates the directory at path, if necessary, and claims it until Close. It calls onSaved for every checkpoint
// once it is durable, from another goroutine.
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
	if keep.Keep == 0 { // all are kept; the zero value means that
		retention = checkpoints.Retention{}
	}
	return &Dir{path: path, lock: lock, saver: saver, keep: retention, discard: keep.Discard, goOn: keep.OnError == trainer.OnErrorContinue, onSaved: onSaved}, nil
}

// Claim creates the directory at path, if necessary, and locks it until Unlock or the end of the process. It fails with
// ErrBusy if another process holds the lock.
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

// Close waits for the save in progress and releases the directory.
func (d *Dir) Close() error { return errors.Join(d.Flush(), d.lock.Unlock()) }

// File returns the path of a file of the run.
func (d *Dir) File(name string) string { return filepath.Join(d.path, name) }

// Continue returns the state at the newest valid checkpoint, and the newer checkpoints that it skipped; nil if there is
// none. Without resume it refuses a directory that has checkpoints with ErrExists.
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
	d.from = step
	state, err := ReadState(step)
	return state, passed, err
}

// ModelConfig returns the config.json of the checkpoint whose state Continue returned.
func (d *Dir) ModelConfig() ([]byte, error) {
	path, err := d.from.Path(configFile)
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// Newest waits for the save in progress and returns the state of the newest valid checkpoint.
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

// WriteConfig writes the resolved config atomically.
func (d *Dir) WriteConfig(text []byte) error {
	return atomicfile.WriteBytes(d.File(result.ConfigFile), text)
}

// WriteResult writes r as result.json, atomically, and then removes the checkpoints if they are to be discarded.
func (d *Dir) WriteResult(r any) error {
	if err := d.writeJSON(result.File, r); err != nil || !d.discard {
		return err
	}
	return errors.Join(d.Flush(), os.RemoveAll(d.File(result.CheckpointsDir)))
}

// WriteWeights writes the report on the weights that the run started from as weights.json.
func (d *Dir) WriteWeights(report *checkpoints.Report) error {
	return d.writeJSON(result.WeightsFile, report)
}

func (d *Dir) writeJSON(name string, v any) error {
	return atomicfile.WriteJSON(d.File(name), v)
}

// WritePostMortem writes nonfinite.json, which has what one needs to examine the step that failed.
func (d *Dir) WritePostMortem(e *trainer.NonFiniteError) error {
	return d.writeJSON(result.PostMortemFile, struct {
		Step    int      `json:"step"`
		Loss    string   `json:"loss"` // as text, because JSON has no NaN
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

// Save writes the checkpoint of state in the background. The model to write is as, with the weights of state. At most
// one save is in progress: Save waits for the one before and returns its error, a *SaveError, unless the run continues
// after failed saves.
func (d *Dir) Save(state *trainer.State, as checkpoints.Export) error {
	return d.begin(state, as, d.saver.Save)
}

// Replace is Save for a step whose checkpoint lacks measurements that state has.
func (d *Dir) Replace(state *trainer.State, as checkpoints.Export) error {
	return d.begin(state, as, d.saver.Replace)
}

// saving is Save or Replace of a checkpoints.Saver.
type saving func(step int, write func(checkpoints.FileWriter) error) (checkpoints.Saved, error)

func (d *Dir) begin(state *trainer.State, as checkpoints.Export, saving saving) error {
	if err := d.Wait(); err != nil {
		return err
	}
	d.writing = make(chan error, 1)
	go func() { d.writing <- d.save(state, as, saving) }()
	return nil
}

// Export writes the model of state as Save does, but without optimizer state. It replaces a model exported earlier.
func (d *Dir) Export(state *trainer.State, as checkpoints.Export) (path string, err error) {
	return d.ExportTo(result.ModelDir, state, as)
}

// ExportTo is Export to the directory called name in the run's directory. The old model stays until the new one is
// complete.
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

func (d *Dir) save(state *trainer.State, as checkpoints.Export, saving saving) error {
	as.Weights = arrays("", state.Parameters)
	saved, err := saving(state.Step, func(w checkpoints.FileWriter) error {
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

// arrays returns the arrays of a as tensors of a file, with prefix before their names.
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
		return err // the caller removes the file
	}
	return f.Close()
}

// progress is the content of trainer.json: the part of the state that is not tensors.
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
