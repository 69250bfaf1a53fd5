package encoding

import (
	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/tasks"
)

// Check says what keeps m from being computed: a config.json that describes no encoder of ours, or weights that are not
// those of the encoder that it describes. A model without weights passes with its config.json alone.
func Check(m *checkpoints.Model) error {
	config, err := bert.ReadConfig(m.Files.Config)
	if err != nil || !m.HasWeights() {
		return err
	}
	return tasks.Check(m, bert.Parameters(config))
}
