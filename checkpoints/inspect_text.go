package checkpoints

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
)

// Text writes the inspection for people, with the statistics of every tensor if tensors is true.
func (m *Inspection) Text(to io.Writer, tensors bool) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	m.text(w)
	if tensors {
		m.tensors(w)
	}
	if m.Against != nil {
		m.Against.text(w)
	}
	return w.Flush()
}

// text writes everything but the tensors and the comparison.
func (m *Inspection) text(w io.Writer) {
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
		fmt.Fprintf(w, "vocabulary\t%d entries, %s (according to %s), hash %.12s\n", v.Size, casing, v.LowerFrom, v.Hash)
	}
	fmt.Fprintf(w, "weights\t%s, %d parameters, %s\n", m.Kind, m.Parameters, m.elementTypes())
	for _, p := range m.Parts {
		fmt.Fprintf(w, "  %s\t%d in %d tensors\n", p.Part, p.Parameters, p.Tensors)
	}
	for _, line := range IgnoredLines(m.Ignored) {
		fmt.Fprintf(w, "  ignored\t%s\n", line)
	}
	for _, note := range m.Notes {
		fmt.Fprintf(w, "  note\t%s\n", note)
	}
	if odd := m.unusual(); odd != "" {
		fmt.Fprintf(w, "unusual\t%s\n", odd)
	}
	for _, f := range m.Files {
		fmt.Fprintf(w, "file\t%s, %d bytes, sha256 %s\n", f.Name, f.Bytes, f.SHA256)
	}
}

// elementTypes counts the tensors of each element type.
func (m *Inspection) elementTypes() string {
	var all []string
	for name, n := range m.DTypes {
		all = append(all, fmt.Sprintf("%d tensors of %s", n, name))
	}
	if len(all) == 0 {
		return "no tensors"
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// IgnoredLines counts the ignored tensors by reason, a reason a line.
func IgnoredLines(ignored []Ignored) []string {
	counts := make(map[string]int)
	for _, i := range ignored {
		counts[i.Why]++
	}
	var lines []string
	for _, why := range slices.Sorted(maps.Keys(counts)) {
		lines = append(lines, fmt.Sprintf("%d x %s", counts[why], why))
	}
	return lines
}

// unusual names tensors that no trained model has: with numbers that are not finite, or all equal.
func (m *Inspection) unusual() string {
	var odd []string
	for _, t := range m.Tensors {
		switch {
		case t.NonFinite > 0:
			odd = append(odd, fmt.Sprintf("%s has %d numbers that are not finite", t.Name, t.NonFinite))
		case t.SD == 0 && len(t.Shape) > 1:
			odd = append(odd, fmt.Sprintf("%s is %g everywhere", t.Name, t.Mean))
		}
	}
	if len(odd) > 5 {
		odd = append(odd[:5], fmt.Sprintf("and %d more", len(odd)-5))
	}
	return strings.Join(odd, "; ")
}

// tensors writes the statistics of every tensor.
func (m *Inspection) tensors(w io.Writer) {
	fmt.Fprintln(w, "\ntensor\ttype\tshape\tmean\tsd\tzeros\tnot finite")
	for _, t := range m.Tensors {
		fmt.Fprintf(w, "%s\t%s\t%v\t%.5f\t%.5f\t%d\t%d\n", t.Name, t.DType, t.Shape, t.Mean, t.SD, t.Zeros, t.NonFinite)
	}
}

// text writes the differences layer by layer.
func (d *Comparison) text(w io.Writer) {
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
