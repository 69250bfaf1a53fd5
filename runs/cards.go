package runs

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/subbert/subbert/runs/result"
	"github.com/subbert/subbert/trainer"
)

// card returns the README.md of the pre-trained model.
func (p *pretrainingRun) card(plan trainer.Plan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\nA BERT whose pre-training was continued with subbert, as in Su & Vijay-Shanker 2022.\n\n", p.config.Run.Dir)
	p.writeRecipe(&b)
	fmt.Fprintf(&b, "- %d steps of %d rows of %d positions, peak learning rate %g, %s decay\n", plan.Schedule.Steps(), plan.Batch, plan.Sequence, plan.Optimizer.LearningRate, p.config.Schedule.Kind)
	fmt.Fprintf(&b, "- masking: %s, next sentence prediction: %t\n- shards: %s\n", p.config.Task.Masking, p.config.Task.NSP, p.config.Data.Shards)
	writeValues(&b, "Last training report", p.last.training)
	writeValues(&b, "Held-out documents", p.last.heldOut)
	return b.String()
}

// card returns the README.md of the relation model.
func (r *relationRun) card(out *result.Relation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\nA relation classifier fine-tuned with subbert, as in Su & Vijay-Shanker 2022.\n\n", r.config.Run.Dir)
	r.writeRecipe(&b)
	fmt.Fprintf(&b, "- pooling: %s, labels: %s, negative: %s\n- trained on %s, %d steps\n", out.Pooling, strings.Join(out.Labels, ", "), out.Negative, r.config.Data.Train, out.Steps)
	if out.Scored != "" {
		fmt.Fprintf(&b, "\n%s: precision %.1f, recall %.1f, F1 %.1f (micro, without %s)\n", out.Scored, out.Micro.P, out.Micro.R, out.Micro.F1, out.Negative)
	}
	return b.String()
}

func (s *session) writeRecipe(b *strings.Builder) {
	fmt.Fprintf(b, "- started from: %s\n- seed %d; backend %s\n", s.model.Init, s.common.Run.Seed, s.where())
}

func writeValues(b *strings.Builder, title string, values map[string]float64) {
	if len(values) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## %s\n\n| value | |\n| --- | --- |\n", title)
	for _, name := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(b, "| %s | %.4g |\n", name, values[name])
	}
}
