package checkpoints

import (
	"fmt"
	"slices"

	"github.com/subbert/subbert/checkpoints/host"
)

// Parameter is a parameter that a program wants to load, under its Hugging Face name, matrices as [out,in].
type Parameter struct {
	Name  string
	Shape []int
}

// Load calls put for every wanted parameter that the model has, one at a time, in the order of want. The values are
// float32, row major, freshly allocated, and belong to put. Load never puts parameters of a part in fresh, even if the
// model has them: the report lists them as fresh, and the caller initialises them. If another parameter is missing or
// has another shape, Load puts nothing and returns a *MismatchError together with the report.
func (m *Model) Load(want []Parameter, fresh Fresh, put func(p Parameter, values []float32) error) (*Report, error) {
	report, from, err := m.match(want, fresh)
	if err != nil {
		return report, err
	}
	for _, p := range want {
		info, ok := from[p.Name]
		if !ok {
			continue
		}
		values := make([]float32, info.Elements())
		if err := host.ReadFloat32(m.weights, info, values); err != nil {
			return report, fmt.Errorf("%s: %w", m.Path, err)
		}
		if err := put(p, values[:Info{Shape: p.Shape}.Elements()]); err != nil { // without rows of padding
			return report, err
		}
	}
	return report, nil
}

// Check returns the *MismatchError that Load of these parameters would return, without reading any.
func (m *Model) Check(want []Parameter, fresh Fresh) error {
	_, _, err := m.match(want, fresh)
	return err
}

// match pairs the wanted parameters with the model's tensors.
func (m *Model) match(want []Parameter, fresh Fresh) (*Report, map[string]Info, error) {
	have := make(map[string]Info)
	for _, info := range m.Tensors() {
		have[info.Name] = info
	}
	report := &Report{Source: m.Path, Kind: m.Kind, Padding: m.Padding, Ignored: m.ignored}
	from := make(map[string]Info)
	used := make(map[string]bool)
	for _, p := range want {
		part := report.part(PartOf(p.Name))
		part.Parameters += int64(Info{Shape: p.Shape}.Elements())
		info, tied, ok := find(have, p.Name)
		named := slices.Contains(fresh, PartOf(p.Name))
		if tied {
			named = slices.Contains(fresh, PartOf(info.Name))
		}
		switch {
		case !ok || named:
			part.Fresh = append(part.Fresh, p.Name)
			continue
		case !slices.Equal(info.Shape, p.Shape) && !m.withoutPadding(info, p):
			part.Differs = append(part.Differs, ShapeDiff{Name: p.Name, Got: info.Shape, Want: p.Shape})
		case tied:
			part.Tied = append(part.Tied, p.Name)
		default:
			part.Loaded = append(part.Loaded, p.Name)
		}
		from[p.Name] = info
		used[info.Name] = true
	}
	if err := m.leftOver(report, have, used); err != nil {
		return report, nil, err
	}
	return report, from, report.mismatch(fresh)
}

// NewHead lists the wanted parts that a plain or pre-trained encoder lacks: the classifier, the summary of the last
// layer, and the pooler if the model has none. A task that trains a classifier passes them to Load as fresh. The list
// is empty if want has no classifier, or if the model may have one: it holds a classifier or a summary, or tensors that
// are not a BERT's.
func (m *Model) NewHead(want []Parameter) Fresh {
	wanted := slices.ContainsFunc(want, func(p Parameter) bool { return PartOf(p.Name) == Classifier })
	if !wanted || holds(m.weights, Classifier) || holds(m.weights, SLL) || holds(m.weights, Other) {
		return nil
	}
	if holds(m.weights, Pooler) {
		return Fresh{Classifier, SLL}
	}
	return Fresh{Pooler, Classifier, SLL}
}

// withoutPadding reports whether info is p plus rows of vocabulary padding that config.json does not count.
func (m *Model) withoutPadding(info Info, p Parameter) bool {
	if m.Padding == 0 || len(info.Shape) == 0 || len(info.Shape) != len(p.Shape) || info.Name != wordEmbeddings && info.Name != outputBias {
		return false
	}
	return info.Shape[0]-m.Padding == p.Shape[0] && slices.Equal(info.Shape[1:], p.Shape[1:])
}

// find looks up a parameter, if necessary through ties: the output matrix of the masked language model is the word
// embedding, and its bias has two names.
func find(have map[string]Info, name string) (info Info, tied, ok bool) {
	if info, ok = have[name]; ok {
		return info, false, true
	}
	if original, isTied := tiedTo(name); isTied {
		info, ok = have[original]
		return info, true, ok
	}
	return Info{}, false, false
}

// leftOver reports the tensors of the file that were not wanted. It ignores a stored copy of a tied parameter if
// it equals the original.
func (m *Model) leftOver(report *Report, have map[string]Info, used map[string]bool) error {
	for _, info := range m.Tensors() {
		if used[info.Name] {
			continue
		}
		part := report.part(PartOf(info.Name))
		original, isCopy := tiedTo(info.Name)
		if isCopy && used[original] && len(part.Loaded) > 0 {
			same, err := sameData(m.weights, info, have[original])
			if err != nil {
				return fmt.Errorf("%s: %w", m.Path, err)
			}
			if !same && m.Config.untied() {
				return fmt.Errorf("%s: %s is not tied to %s (tie_word_embeddings is false), want a model that ties them", m.Path, info.Name, original)
			}
			if same {
				part.Tied = append(part.Tied, info.Name)
				continue
			}
		}
		part.Unused = append(part.Unused, info.Name)
	}
	return nil
}
