package checkpoints

import (
	"fmt"
	"slices"
	"strings"
)

// Part is a piece of a model that is published, loaded and trained as a whole.
type Part string

// The parts of a BERT and its heads.
const (
	Encoder    Part = "encoder"    // embeddings and layers
	Pooler     Part = "pooler"     // the tanh layer over [CLS]
	MLM        Part = "mlm"        // the masked language model's head
	NSP        Part = "nsp"        // the next sentence head
	Classifier Part = "classifier" // a fine-tuned head's last layer
	SLL        Part = "sll"        // the summary of the last layer, in addition to [CLS]
	Other      Part = "other"      // anything else
)

// Parts lists all parts in the order of reports.
func Parts() []Part { return []Part{Encoder, Pooler, MLM, NSP, Classifier, SLL, Other} }

// PartOf returns the part of a parameter, given its Hugging Face name.
func PartOf(name string) Part {
	for _, p := range []struct {
		prefix string
		part   Part
	}{
		{"bert.embeddings.", Encoder}, {"bert.encoder.", Encoder}, {"bert.pooler.", Pooler},
		{"cls.predictions.", MLM}, {"cls.seq_relationship.", NSP}, {"classifier.", Classifier}, {"sll.", SLL},
	} {
		if strings.HasPrefix(name, p.prefix) {
			return p.part
		}
	}
	return Other
}

// Fresh lists the parts that start from random values, even if a checkpoint has them. In TOML and on the command
// line it is "all" or a list of parts.
type Fresh []Part

// ParseFresh parses names of parts; the single name "all" stands for every part.
func ParseFresh(names ...string) (Fresh, error) {
	if len(names) == 1 && names[0] == "all" {
		return Parts(), nil
	}
	var fresh Fresh
	for _, name := range names {
		if !slices.Contains(Parts(), Part(name)) {
			return nil, fmt.Errorf("fresh: unknown part %q, want all or some of %s", name, join(Parts(), ", "))
		}
		if !slices.Contains(fresh, Part(name)) {
			fresh = append(fresh, Part(name))
		}
	}
	return fresh, nil
}

func join(parts []Part, separator string) string {
	names := make([]string, len(parts))
	for i, p := range parts {
		names[i] = string(p)
	}
	return strings.Join(names, separator)
}
