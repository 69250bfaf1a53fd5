package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/tasks/encoding"
)

type modelInspectCmd struct {
	Path    string `arg:"" help:"Directory, file of weights, TensorFlow prefix, .tar.gz, .zip or .whl, the directory of a run, or hub:NAME."`
	Against string `placeholder:"OTHER" help:"Compare the weights with those of another model, layer by layer."`
	Tensors bool   `help:"Also list every tensor with its statistics (JSON always does)."`
	JSON    bool   `name:"json" help:"Print JSON."`
}

func (*modelInspectCmd) Help() string {
	return `Says what a model is without running it: container, architecture, parameters and heads, element types,
vocabulary and casing, checksums, and statistics of every tensor. What would keep it from being used is listed as a fault, and the exit code is 1.`
}

// seenModel is the output of model inspect --json.
type seenModel struct {
	*checkpoints.Inspection
	Against *checkpoints.Comparison `json:"against,omitempty"`
}

func (v *modelInspectCmd) Run(c *console) (err error) {
	path, err := c.modelDir(v.Path)
	if err != nil {
		return err
	}
	m, faults, err := checkpoints.Peek(c.ctx, path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	if len(faults) == 0 {
		if err := encoding.Check(m); err != nil {
			faults = append(faults, err)
		}
	}
	meter := newMeter(c)
	defer meter.end()
	m.Progress = meter.bytes
	seen := seenModel{}
	if seen.Inspection, err = checkpoints.Inspect(m, faults); err != nil {
		return err
	}
	if v.Against != "" {
		other, err := c.modelDir(v.Against)
		if err != nil {
			return err
		}
		if seen.Against, err = compareWith(c.ctx, m, other); err != nil {
			return err
		}
	}
	meter.end()
	if v.JSON {
		err = c.printJSON(seen)
	} else {
		err = v.print(c, seen)
	}
	return errors.Join(err, unusable(v.Path, faults))
}

// unusable returns the first fault that keeps a model from being used. A file of weights may be inspected alone.
func unusable(path string, faults []error) error {
	for _, fault := range faults {
		if errors.Is(fault, checkpoints.ErrAlone) {
			continue
		}
		if text := fault.Error(); strings.HasPrefix(text, path) {
			return errors.New(text) // without the hint to inspect the model
		}
		return fmt.Errorf("%s: %w", path, fault)
	}
	return nil
}

func compareWith(ctx context.Context, m *checkpoints.Model, path string) (comparison *checkpoints.Comparison, err error) {
	other, _, err := checkpoints.Peek(ctx, path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, other.Close()) }()
	return checkpoints.Compare(m, other)
}

func (v *modelInspectCmd) print(c *console, seen seenModel) error {
	w := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	printModel(w, seen.Inspection)
	if v.Tensors {
		printTensors(w, seen.Tensors)
	}
	if seen.Against != nil {
		printDifferences(w, seen.Against)
	}
	return w.Flush()
}

func printModel(w *tabwriter.Writer, m *checkpoints.Inspection) {
	fmt.Fprintf(w, "model\t%s\n", m.Path)
	for _, fault := range m.Faults {
		fmt.Fprintf(w, "FAULT\t%s\n", fault)
	}
	if a := m.Architecture; a != nil {
		fmt.Fprintf(w, "architecture\t%s, %d layers, hidden %d, %d heads, intermediate %d, %d positions\n",
			strings.Join(a.Architectures, ", "), a.NumHiddenLayers, a.HiddenSize, a.NumAttentionHeads, a.IntermediateSize, a.MaxPositionEmbeddings)
	}
	if v := m.Vocabulary; v != nil {
		casing := map[bool]string{true: "uncased: text is lower-cased", false: "cased"}[v.Lower]
		if v.Accents != "" {
			casing += ", accents: " + v.Accents
		}
		if v.JoinIdeographs {
			casing += ", ideographs joined"
		}
		fmt.Fprintf(w, "vocabulary\t%d entries, %s (so says %s), hash %.12s\n", v.Size, casing, v.LowerFrom, v.Hash)
	}
	fmt.Fprintf(w, "weights\t%s, %d parameters, %s\n", m.Kind, m.Parameters, elementTypes(m.DTypes))
	for _, p := range m.Parts {
		fmt.Fprintf(w, "  %s\t%d in %d tensors\n", p.Part, p.Parameters, p.Tensors)
	}
	for _, line := range ignoredLines(m.Ignored) {
		fmt.Fprintf(w, "  ignored\t%s\n", line)
	}
	for _, note := range m.Notes {
		fmt.Fprintf(w, "  note\t%s\n", note)
	}
	if line := unusual(m.Tensors); line != "" {
		fmt.Fprintf(w, "unusual\t%s\n", line)
	}
	for _, f := range m.Files {
		fmt.Fprintf(w, "file\t%s, %d bytes, sha256 %s\n", f.Name, f.Bytes, f.SHA256)
	}
}

func elementTypes(counts map[string]int) string {
	var all []string
	for name, n := range counts {
		all = append(all, fmt.Sprintf("%d tensors of %s", n, name))
	}
	if len(all) == 0 {
		return "no tensors"
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// ignoredLines counts the ignored entries by reason.
func ignoredLines(ignored []checkpoints.Ignored) []string {
	var lines []string
	counts := make(map[string]int)
	for _, i := range ignored {
		if counts[i.Why]++; counts[i.Why] == 1 {
			lines = append(lines, i.Why)
		}
	}
	for i, why := range lines {
		lines[i] = fmt.Sprintf("%d x %s", counts[why], why)
	}
	return lines
}

// unusual names tensors that no trained model has: with numbers that are not finite, or all equal.
func unusual(tensors []checkpoints.TensorStats) string {
	var odd []string
	for _, t := range tensors {
		switch {
		case t.NonFinite > 0:
			odd = append(odd, fmt.Sprintf("%s has %d numbers that are not finite", t.Name, t.NonFinite))
		case t.SD == 0 && len(t.Shape) > 1:
			odd = append(odd, fmt.Sprintf("%s is %g throughout", t.Name, t.Mean))
		}
	}
	if len(odd) > 5 {
		odd = append(odd[:5], fmt.Sprintf("and %d more", len(odd)-5))
	}
	return strings.Join(odd, "; ")
}

func printTensors(w *tabwriter.Writer, tensors []checkpoints.TensorStats) {
	fmt.Fprintln(w, "\ntensor\ttype\tshape\tmean\tsd\tzeros\tnot finite")
	for _, t := range tensors {
		fmt.Fprintf(w, "%s\t%s\t%v\t%.5f\t%.5f\t%d\t%d\n", t.Name, t.DType, t.Shape, t.Mean, t.SD, t.Zeros, t.NonFinite)
	}
}

func printDifferences(w *tabwriter.Writer, d *checkpoints.Comparison) {
	if d.Equal {
		fmt.Fprintf(w, "\nagainst %s: the same weights\n", d.B)
		return
	}
	fmt.Fprintf(w, "\nagainst %s\n", d.B)
	fmt.Fprintln(w, "layer\ttensors\tchanged\tlargest difference\trelative to the norm")
	for _, l := range d.Layers {
		fmt.Fprintf(w, "%s\t%d\t%d\t%.3g\t%.3g\n", l.Layer, l.Tensors, l.Changed, l.Largest, l.Relative)
	}
	for _, s := range d.Unshaped {
		fmt.Fprintf(w, "%s\thas shape %v, there %v\n", s.Name, s.Got, s.Want)
	}
	if len(d.OnlyInA) > 0 {
		fmt.Fprintf(w, "only in %s\t%s\n", d.A, strings.Join(d.OnlyInA, ", "))
	}
	if len(d.OnlyInB) > 0 {
		fmt.Fprintf(w, "only in %s\t%s\n", d.B, strings.Join(d.OnlyInB, ", "))
	}
}
