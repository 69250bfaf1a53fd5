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

// Measure is pre-training as it is evaluated: the masked positions are told apart by what stands there instead.
type Measure struct{ *Task }

// Inputs are those of pre-training and what became of each masked position, [B,P].
func (m Measure) Inputs() []shapes.Shape {
	return append(m.Task.Inputs(), shapes.Make(dtypes.Int32, m.rows, m.masked))
}

// kinds are what may stand at a masked position, as the names of values say it.
var kinds = [...]struct {
	name string
	kind uint8
}{{"mask", instances.Masked}, {"random", instances.Replaced}, {"kept", instances.Kept}}

// Loss builds what Task.Loss does, from the sums over each kind. Beside the values of that, mlm_mask_loss,
// mlm_random_loss, mlm_kept_loss and their accuracies are observed.
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

// Text is what one must know of a split to read a loss on it.
type Text struct {
	Tokens, Words  int64
	UnigramEntropy float64 // nats, of the distribution of its tokens: what knowing their frequencies alone would score
}

// ReadText goes through every token of the named splits of set, until ctx ends.
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

// sampledTokens bounds how much training text its entropy is taken of.
const sampledTokens = 1 << 22

// TrainingEntropy is the unigram entropy of the first tokens that set has to learn from, in nats: enough of them to say
// what knowing the frequencies alone would score.
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

// entropy of the distribution with these counts, in nats.
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

// PerplexityPerWord spreads the loss of a piece over words as they stand between white space: a word has Tokens/Words
// pieces on average, each at the price of loss nats. Unlike the loss it can be compared across vocabularies.
func (t Text) PerplexityPerWord(loss float64) float64 {
	if t.Words == 0 {
		return math.NaN()
	}
	return math.Exp(loss * float64(t.Tokens) / float64(t.Words))
}

// Complete adds to the values of an evaluation on t what follows from them and from t.
func (t Text) Complete(values []metrics.Value) []metrics.Value {
	for _, v := range values {
		if v.Name == "mlm_loss" {
			values = append(values, metrics.Value{Name: "perplexity_per_word", Value: t.PerplexityPerWord(v.Value)})
			break
		}
	}
	return append(values, metrics.Value{Name: "unigram_entropy", Value: t.UnigramEntropy})
}
