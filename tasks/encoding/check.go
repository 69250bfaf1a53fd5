package encoding

import (
	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/models/bert"
	"github.com/subbert/subbert/tasks"
)

// Check returns an error if m cannot be run: its config.json does not describe a supported encoder, or its weights do not
// match the config.json. For a model without weights Check reads only the config.json.
func Check(m *checkpoints.Model) error {
	config, err := bert.ReadConfig(m.Files.Config)
	if err != nil || !m.HasWeights() {
		return err
	}
	return tasks.Check(m, bert.Parameters(config))
}
