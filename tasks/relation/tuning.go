package relation

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Tuning controls the learning rates of the parts of the encoder. The head has the full learning rate.
type Tuning struct {
	LayerDecay       float64 `toml:"layer_decay"`       // ratio of a layer's rate to the rate of the layer above; 1 is off
	FreezeEmbeddings bool    `toml:"freeze_embeddings"` // do not train the embeddings
	FreezeLayers     int     `toml:"freeze_layers"`     // number of layers not to train, from the first
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

// rate returns the factor of the learning rate for a parameter, given its Hugging Face name and the number of layers of
// the encoder: decay^1 for the last layer, decay^layers for the first, decay^(layers+1) for the embeddings, and 0 for
// frozen parameters.
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
		return 1 // not a layer of the encoder
	}
	if l < t.FreezeLayers {
		return 0
	}
	return math.Pow(t.LayerDecay, float64(layers-l))
}
