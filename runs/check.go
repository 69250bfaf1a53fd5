package runs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/subbert/subbert/checkpoints"
	"github.com/subbert/subbert/configs"
	"github.com/subbert/subbert/runs/result"
)

// Check reads the config at path as verb does (pretrain, finetune or probe), with the lines of set, and returns all its
// faults: those of its keys and values, files that do not exist, and a model that cannot be opened or has too few
// positions. It does not look at addresses in a store, and not at models that are onHub.
func Check(ctx context.Context, verb, path string, set []string, onHub func(model string) bool) error {
	var err error
	var paths map[string]*string
	var sequence int
	switch verb {
	case "pretrain":
		var c configs.Pretraining
		c, err = configs.ReadPretraining(path, set...)
		paths, sequence = c.Paths(), c.Task.Sequence
	case "finetune":
		var c configs.Relation
		c, err = configs.ReadRelation(path, set...)
		paths, sequence = c.Paths(), c.Task.Sequence
	case "probe":
		var c configs.Probing
		c, err = configs.ReadProbing(path, set...)
		paths, sequence = c.Paths(), c.Task.Sequence
	default:
		return configs.Errorf("no verb %q, want pretrain, finetune or probe", verb)
	}
	errs := []error{err}
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		at, isModel := *paths[name], name == "model"
		if at == "" || strings.HasPrefix(at, "gs://") || isModel && onHub(at) {
			continue
		}
		_, err := os.Stat(at)
		if isModel {
			err = fits(ctx, at, sequence)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %s: %w", path, configs.KeyOfPath(name), err))
		}
	}
	return configs.Wrap(errors.Join(errs...))
}

// fits opens the model at path and checks that it has enough positions for a row.
func fits(ctx context.Context, path string, sequence int) error {
	m, err := checkpoints.OpenModel(ctx, result.ModelPath(path))
	if err != nil {
		return err
	}
	if most := m.Config.MaxPositionEmbeddings; sequence > most {
		err = fmt.Errorf("%s has %d positions (max_position_embeddings), and task.sequence = %d", path, most, sequence)
	}
	return errors.Join(err, m.Close())
}
