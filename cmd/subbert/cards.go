package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/subbert/subbert/trainer"
	"github.com/subbert/subbert/trainer/metrics"
)

// lastReport is a Recorder that keeps the newest training report and the newest held-out one, for the result.
type lastReport struct {
	training map[string]float64
	heldOut  map[string]float64
	measured int // the step of heldOut
}

// Record keeps values.
func (l *lastReport) Record(step int, values ...metrics.Value) error {
	report := make(map[string]float64, len(values))
	for _, v := range values {
		report[v.Name] = v.Value
	}
	if isHeldOut(values) {
		l.heldOut, l.measured = report, step
	} else {
		l.training = report
	}
	return nil
}

// Close does nothing.
func (l *lastReport) Close() error { return nil }

// continued takes over the newest reports of the run so far, for a run that goes on when little or nothing is left of it.
func (l *lastReport) continued(path string) error {
	return metrics.ReadLines(path, l.Record)
}

// isHeldOut says whether a report is of an evaluation.
func isHeldOut(values []metrics.Value) bool {
	return len(values) > 0 && strings.HasPrefix(values[0].Name, "heldout_")
}

// pretrainingCard is the README.md of an exported pre-trained model.
func (r *session) pretrainingCard(plan trainer.Plan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\nA BERT whose pre-training was continued with subbert, as in Su & Vijay-Shanker 2022.\n\n", r.config.Run.Dir)
	r.writeRecipe(&b)
	fmt.Fprintf(&b, "- %d steps of %d rows of %d positions, peak learning rate %g, %s decay\n", plan.Schedule.Steps(), plan.Batch, plan.Sequence, plan.Optimizer.LearningRate, r.config.Schedule.Kind)
	fmt.Fprintf(&b, "- masking: %s, next sentence prediction: %t\n- shards: %s\n", r.config.Task.Masking, r.config.Task.NSP, r.config.Data.Shards)
	writeValues(&b, "Last training report", r.last.training)
	writeValues(&b, "Held-out documents", r.last.heldOut)
	return b.String()
}

// relationCard is the README.md of an exported relation model.
func (r *session) relationCard(result *relationResult) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\nA relation classifier fine-tuned with subbert, as in Su & Vijay-Shanker 2022.\n\n", r.config.Run.Dir)
	r.writeRecipe(&b)
	fmt.Fprintf(&b, "- pooling: %s, labels: %s, negative: %s\n- trained on %s, %d steps\n", result.Pooling, strings.Join(result.Labels, ", "), result.Negative, r.config.Data.Train, result.Steps)
	if result.Scored != "" {
		fmt.Fprintf(&b, "\n%s: precision %.1f, recall %.1f, F1 %.1f (micro, without %s)\n", result.Scored, result.Micro.P, result.Micro.R, result.Micro.F1, result.Negative)
	}
	return b.String()
}

func (r *session) writeRecipe(b *strings.Builder) {
	fmt.Fprintf(b, "- started from: %s\n- seed %d; computed by %s\n", r.config.Model.Init, r.config.Run.Seed, r.where())
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
