// Package result names the files of a run's directory and declares the types of result.json, for programs that read the
// output of a run without a tensor library.
//
//	config.toml                 the resolved config
//	weights.json                what was loaded, fresh, tied or unused, part by part
//	metrics.jsonl               one line for each report
//	checkpoints/step-NNNNNNN/   a model directory with optimizer.safetensors and trainer.json
//	model/                      the model alone, once the run is complete
//	result.json                 the result, once the run is complete
//	best/                       the model of the best evaluation, if asked for
//	predictions.tsv             fine-tuning: a row for each scored example
//	tensorboard/                event files, if asked for
//
// A run of several folds or seeds has a directory for each of them, with the same files, and sums them up in a
// result.json of its own.
//
// Units: losses are in nats, scores in percent, times in seconds. A step is a completed update.
package result

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
)

// Names of the files and directories of a run.
const (
	ConfigFile     = "config.toml"
	MetricsFile    = "metrics.jsonl"
	File           = "result.json"
	WeightsFile    = "weights.json"
	PostMortemFile = "nonfinite.json" // of a run that ended at a value that is not finite
	CheckpointsDir = "checkpoints"
	ModelDir       = "model"
	CardFile       = "README.md" // of a model directory
	BestDir        = "best"
	BestEpochFile  = "best.json" // fine-tuning: the epoch whose weights are kept
	EventsDir      = "tensorboard"

	PredictionsFile = "predictions.tsv"
	ProbesFile      = "probes.csv" // probing
	FiguresDir      = "figures"    // probing
	ActivationsDir  = "activations"
	StemsFile       = "stems.csv" // attention
	SentencesDir    = "sentences" // attention
	PageFile        = "index.html"
)

// SeedPredictions returns the name of the predictions of one seed of several.
func SeedPredictions(seed uint32) string { return fmt.Sprintf("predictions-seed-%d.tsv", seed) }

var seedPredictions = regexp.MustCompile(`^predictions-seed-[0-9]+\.tsv$`)

// Predictions lists the files of predictions in the run directory dir: one for each seed of a run of several, and
// otherwise predictions.tsv, which need not exist. If path is not a directory, it is itself the file.
func Predictions(path string) ([]string, error) {
	if info, err := os.Stat(path); err != nil || !info.IsDir() {
		return []string{path}, nil
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return nil, err
	}
	var files []string
	for _, e := range entries {
		if seedPredictions.MatchString(e.Name()) {
			files = append(files, filepath.Join(path, e.Name()))
		}
	}
	if files == nil {
		files = []string{filepath.Join(path, PredictionsFile)}
	}
	return files, nil
}

// IsRun reports whether dir is the directory of a training run: it has checkpoints, or had some and has its result.
func IsRun(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, CheckpointsDir))
	return err == nil
}

// ModelPath returns the model directory that path means: if path is the directory of a run, that of its model, and
// otherwise path itself.
func ModelPath(path string) string {
	if _, err := os.Stat(filepath.Join(path, ConfigFile)); err != nil {
		return path
	}
	model := filepath.Join(path, ModelDir)
	if _, err := os.Stat(model); err != nil {
		return path
	}
	return model
}
