package pretraining

import (
	"context"
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"

	"github.com/subbert/subbert/data/instances"
	"github.com/subbert/subbert/data/shards"
	"github.com/subbert/subbert/models/heads"
	"github.com/subbert/subbert/tasks"
	"github.com/subbert/subbert/trainer"
	"github.com/subbert/subbert/trainer/metrics"
)

// Measure evaluates pre-training. It distinguishes masked positions by the kind of their replacement.
type Measure struct{ *Task }

// Inputs are those of pre-training and the kind of each masked position, [B,P].
func (m Measure) Inputs() []shapes.Shape {
	return append(m.Task.Inputs(), shapes.Make(dtypes.Int32, m.rows, m.masked))
}

// kinds lists the kinds of masked positions with their names in recorded values.
var kinds = [...]struct {
	name string
	kind uint8
}{{"mask", instances.Masked}, {"random", instances.Replaced}, {"kept", instances.Kept}}

// Loss builds the loss of Task.Loss from the sums over each kind. In addition to the values of Task.Loss it observes
// mlm_mask_loss, mlm_random_loss, mlm_kept_loss and their accuracies.
func (m Measure) Loss(s *model.Scope, at *trainer.Moment, in []*graph.Node) (*graph.Node, []trainer.Observed) {
	words, next := m.logits(s, at, in)
	became := in[len(in)-1]
	var mlm heads.Sums
	var parts []trainer.Observed
	for i, k := range kinds {
		is := graph.Equal(became, graph.Const(became.Graph(), int32(k.kind)))
		sums := heads.CrossEntropy(words, in[4], graph.Mul(in[5], graph.ConvertDType(is, dtypes.Float32)), 0)
		parts = append(parts, tasks.Observe("mlm_"+k.name, sums)...)
		if i == 0 {
			mlm = sums
		} else {
			mlm = mlm.Add(sums)
		}
	}
	loss, seen := mlm.Loss, tasks.Observe("mlm", mlm)
	if next != nil {
		nsp := heads.CrossEntropy(next, in[6], in[7], 0)
		loss, seen = graph.Add(loss, nsp.Loss), append(seen, tasks.Observe("nsp", nsp)...)
	}
	return loss, append(seen, parts...)
}

// Text holds the statistics of a split that are needed to interpret a loss on it.
type Text struct {
	Tokens, Words  int64
	UnigramEntropy float64 // entropy of the distribution of tokens in nats: the loss of a model that knows only their frequencies
}

// ReadText reads every token of the named splits of set. It fails when ctx ends.
func ReadText(ctx context.Context, set *shards.Set, splits ...string) (Text, error) {
	var t Text
	h := set.Header()
	counts := make([]int64, h.Vocabulary.Size)
	for _, name := range splits {
		documents, err := set.Split(name)
		if err != nil {
			return t, err
		}
		t.Tokens += h.Splits[name].Tokens
		t.Words += h.Splits[name].Words
		if err := count(ctx, counts, documents, documents.NumTokens()); err != nil {
			return t, fmt.Errorf("split %s: %w", name, err)
		}
	}
	t.UnigramEntropy = entropy(counts)
	return t, nil
}

// sampledTokens is the maximum number of training tokens for TrainingEntropy.
const sampledTokens = 1 << 22

// TrainingEntropy returns the unigram entropy of the first training tokens of set in nats. The sample is large enough to
// estimate the loss of a model that knows only token frequencies.
func TrainingEntropy(ctx context.Context, set *shards.Set) (float64, error) {
	documents, err := set.Split(shards.Train)
	if err != nil {
		return 0, err
	}
	counts := make([]int64, set.Header().Vocabulary.Size)
	err = count(ctx, counts, documents, min(sampledTokens, documents.NumTokens()))
	return entropy(counts), err
}

// count adds the first n tokens of documents to counts, by id.
func count(ctx context.Context, counts []int64, documents *shards.Documents, n int64) error {
	buffer := make([]int32, 1<<16)
	for at := int64(0); at < n; at += int64(len(buffer)) {
		part := buffer[:min(int64(len(buffer)), n-at)]
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := documents.Tokens(part, at); err != nil {
			return err
		}
		for _, id := range part {
			if int(id) >= len(counts) {
				return fmt.Errorf("token id %d, want below %d", id, len(counts))
			}
			counts[id]++
		}
	}
	return nil
}

// entropy returns the entropy of the distribution with these counts, in nats.
func entropy(counts []int64) float64 {
	var total, sum float64
	for _, n := range counts {
		if n > 0 {
			total += float64(n)
			sum += float64(n) * math.Log(float64(n))
		}
	}
	if total == 0 {
		return 0
	}
	return math.Log(total) - sum/total
}

// PerplexityPerWord converts the loss per word piece to a perplexity per word. Words are separated by white space; a word
// has Tokens/Words pieces on average, each with a loss of loss nats. Unlike the loss, the result can be compared across
// vocabularies.
func (t Text) PerplexityPerWord(loss float64) float64 {
	if t.Words == 0 {
		return math.NaN()
	}
	return math.Exp(loss * float64(t.Tokens) / float64(t.Words))
}

// Complete adds perplexity_per_word and unigram_entropy to the values of an evaluation on t.
func (t Text) Complete(values []metrics.Value) []metrics.Value {
	for _, v := range values {
		if v.Name == "mlm_loss" {
			values = append(values, metrics.Value{Name: "perplexity_per_word", Value: t.PerplexityPerWord(v.Value)})
			break
		}
	}
	return append(values, metrics.Value{Name: "unigram_entropy", Value: t.UnigramEntropy})
}
