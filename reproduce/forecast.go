package reproduce

import (
	"math"

	"github.com/subbert/subbert/sweep"
)

// Work is the computation of a run, by formula.
type Work struct {
	Verb      string
	Steps     int
	Positions float64 // trained on, padding included
	FLOPs     float64 // of the matrix products, forward and backward
	Starts    int     // number of trainings in it

	Config       string // of the run
	Settings     Settings
	Architecture map[string]any // of its model
}

// forecast fills in the forecast of a training run.
func (b *builder) forecast(run *sweep.Run, m source, set Settings, c Corpus) error {
	w := b.work(run.Verb, m, set, c)
	w.Config = run.Config
	b.positions[run.Name] = w.Positions
	run.Steps = w.Steps
	run.Bytes = m.bytes(run.Verb, w.Starts)
	speed := map[string]float64{"pretrain": b.Scale.Forecast.Pretrain, "finetune": b.Scale.Forecast.Finetune}[run.Verb]
	if speed > 0 {
		run.Hours = (w.Positions/speed + b.Scale.Forecast.StartSeconds) / 3600
	}
	if speed > 0 || b.Forecast == nil {
		return nil
	}
	var err error
	run.Hours, run.Cost, err = b.Forecast(w)
	return err
}

// work returns the computation of a run.
func (b *builder) work(verb string, m source, set Settings, c Corpus) Work {
	w := Work{Verb: verb, Steps: set.Steps, Starts: 1, Settings: set, Architecture: m.architecture}
	if number(w.Architecture["vocab_size"]) == 0 {
		w.Architecture = merged(w.Architecture, map[string]any{"vocab_size": usualVocabulary})
	}
	if verb == "finetune" {
		pairs := set.TrainExamples
		if known := c.trainPairs(set.Folds); pairs == 0 || known > 0 && known < pairs {
			pairs = known
		}
		w.Starts = set.Seeds
		if set.Folds > 0 && set.Fold < 0 {
			w.Starts *= set.Folds
		}
		w.Steps = w.Starts * int(math.Round(float64((pairs+set.Batch-1)/set.Batch)*set.Epochs))
	}
	w.Positions = float64(w.Steps) * float64(set.Batch) * float64(set.Sequence)
	w.FLOPs = w.Positions * m.flops(verb, set)
	return w
}

// trainPairs returns the number of training pairs of the corpus's first form or, with several folds, of all folds but
// one.
func (c Corpus) trainPairs(folds int) int {
	if len(c.Forms) == 0 {
		return 0
	}
	if folds > 1 {
		return c.Forms[0].Train * (folds - 1) / folds
	}
	return c.Forms[0].Train
}

// flops returns a lower bound for the operations of training on one position: three times the matrix products of a forward pass. The last
// layer counts where a loss depends on it: at the predictions and [CLS] in pre-training, at [CLS] in fine-tuning.
func (s source) flops(verb string, set Settings) float64 {
	a := func(key string) float64 { return number(s.architecture[key]) }
	h, f, length := a("hidden_size"), a("intermediate_size"), float64(max(1, set.Sequence))
	layer := func(share float64) float64 { return 4*(1+share)*h*h + 4*share*h*f + 4*share*length*h }
	if verb != "pretrain" {
		return 3 * ((a("num_hidden_layers")-1)*layer(1) + layer(1/length))
	}
	predictions := float64(set.Predictions)
	forward := (a("num_hidden_layers")-1)*layer(1) + layer((predictions+1)/length)
	return 3 * (forward + predictions/length*2*(h*h+h*a("vocab_size")))
}

// bytes returns the disk space that a run uses: models, and a checkpoint with two moments for each, in float32. The
// checkpoints of fine-tuning are removed once it is complete.
func (s source) bytes(verb string, models int) int64 {
	a := func(key string) float64 { return number(s.architecture[key]) }
	h, f, v := a("hidden_size"), a("intermediate_size"), a("vocab_size")
	if v == 0 {
		v = usualVocabulary
	}
	parameters := h*(v+a("max_position_embeddings")) + a("num_hidden_layers")*(4*h*h+2*h*f)
	copies := 1.0
	if verb == "pretrain" {
		copies = 1 + 2*3
	}
	return int64(4 * parameters * copies * float64(models))
}

// usualVocabulary is the assumed size for stand-ins whose architecture does not give one.
const usualVocabulary = 30000
