package relation

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Tuning says how fast the parts of the encoder learn beside the head, which has the learning rate itself.
type Tuning struct {
	LayerDecay       float64 `toml:"layer_decay"`       // each layer learns at so much of the rate of the one above; 1 is off
	FreezeEmbeddings bool    `toml:"freeze_embeddings"` // they stay as they are
	FreezeLayers     int     `toml:"freeze_layers"`     // so do this many layers, from the first
}

func (t Tuning) faults() []error {
	var faults []error
	if !(t.LayerDecay > 0 && t.LayerDecay <= 1) {
		faults = append(faults, fmt.Errorf("task.layer_decay = %g: want more than 0 and at most 1", t.LayerDecay))
	}
	if t.FreezeLayers < 0 {
		faults = append(faults, fmt.Errorf("task.freeze_layers = %d: want at least 0", t.FreezeLayers))
	}
	return faults
}

// rate is the part of the learning rate that the parameter of that Hugging Face name gets in an encoder of so many
// layers: decay^1 for the last layer, decay^layers for the first, decay^(layers+1) for the embeddings; 0 for what is
// frozen.
func (t Tuning) rate(parameter string, layers int) float64 {
	if strings.HasPrefix(parameter, "bert.embeddings.") {
		if t.FreezeEmbeddings {
			return 0
		}
		return math.Pow(t.LayerDecay, float64(layers+1))
	}
	rest, inLayer := strings.CutPrefix(parameter, "bert.encoder.layer.")
	if !inLayer {
		return 1
	}
	number, _, _ := strings.Cut(rest, ".")
	l, err := strconv.Atoi(number)
	if err != nil {
		return 1 // no layer of ours
	}
	if l < t.FreezeLayers {
		return 0
	}
	return math.Pow(t.LayerDecay, float64(layers-l))
}
