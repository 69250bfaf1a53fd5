package configs

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// most is the greatest size of each number of a config, by its dotted key. Their packages say what is too small, or goes with
// what; beyond these sizes a number is a mistake that costs memory or time, or overflows.
func most() map[string]float64 {
	const steps, rows, examples = 1e9, 1 << 20, 1e9
	return map[string]float64{
		"optimizer.learning_rate": 1e3, "optimizer.beta1": 1, "optimizer.beta2": 1, "optimizer.epsilon": 1e3,
		"optimizer.weight_decay": 1e3, "optimizer.clip_norm": 1e9,
		"schedule.steps": steps, "schedule.epochs": 1e6, "schedule.warmup_steps": steps, "schedule.warmup_fraction": 1,
		"schedule.runs": 1e6, "schedule.decay_fraction": 1,
		"device.workers": 1024, "device.visible_devices": 1024, "device.memory_fraction": 1, "device.peak_tflops": 1e6, "device.cache_gb": 1e6,
		"checkpoint.every_steps": steps, "checkpoint.keep": 1e6, "checkpoint.keep_every": steps, "checkpoint.keep_hours": 1e5,
		"record.every_steps": steps, "record.evaluate_every": steps,
		"run.seed": math.MaxUint32, "run.max_rollbacks": 1e6, "run.spike_zscore": 1e9, "run.patience": 1e6,
		"data.dev_fraction": 1, "data.train_examples": examples, "data.test_examples": examples,
		"task.batch": rows, "task.micro_batch": rows, "task.sequence": 1 << 16, "task.max_predictions": 1 << 16,
		"task.mask_rate": 1, "task.short_rate": 1, "task.duplicate_factor": 10_000,
		"task.phases.from_step": steps, "task.phases.from_fraction": 1, "task.phases.sequence": 1 << 16, "task.phases.max_predictions": 1 << 16,
		"task.phases.batch": rows, "task.phases.micro_batch": rows,
		"task.folds": 10_000, "task.fold": 10_000, "task.seeds": 10_000, "task.layers": 1024, "task.lengths": 1 << 16,
		"task.class_weights": 1e9, "task.label_smoothing": 1, "task.layer_decay": 1, "task.freeze_layers": 1024,
		"task.probe.projection": 1 << 16, "task.probe.hidden": 1 << 20, "task.probe.layers": 1024, "task.probe.together": 1024,
		"downstream.every_steps": steps, "downstream.train_examples": examples, "downstream.test_examples": examples,
	}
}

// withRanges joins faults with those of the numbers of c that are beyond their ranges.
func withRanges(c any, faults []error) error {
	for _, b := range beyond(c) {
		faults = append(faults, fmt.Errorf("%s = %v: want at most %s", b.key, b.value, strconv.FormatFloat(b.most, 'f', -1, 64)))
	}
	return errors.Join(faults...)
}

// tooLarge is a number of a config that is beyond its range.
type tooLarge struct {
	key   string
	value reflect.Value
	most  float64
}

// beyond are the numbers of the config that c points to that are beyond their ranges.
func beyond(c any) []tooLarge {
	var out []tooLarge
	bounds := most()
	eachNumber("", reflect.ValueOf(c).Elem(), func(key string, n reflect.Value) {
		var x float64
		switch {
		case n.CanInt():
			x = float64(n.Int())
		case n.CanUint():
			x = float64(n.Uint())
		default:
			x = n.Float()
		}
		if bound := bounds[key]; !(math.Abs(x) <= bound) {
			out = append(out, tooLarge{key, n, bound})
		}
	})
	return out
}

// eachNumber visits every number in v, whose own key is prefix, with its key.
func eachNumber(prefix string, v reflect.Value, visit func(key string, n reflect.Value)) {
	key := strings.TrimSuffix(prefix, ".")
	switch {
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("toml"), ",")
			switch {
			case name == "-" || !f.IsExported():
			case name == "": // embedded, or a value with words for itself
				eachNumber(prefix, v.Field(i), visit)
			default:
				eachNumber(prefix+name+".", v.Field(i), visit)
			}
		}
	case v.Kind() == reflect.Slice:
		for i := range v.Len() {
			eachNumber(prefix, v.Index(i), visit)
		}
	case v.Kind() == reflect.Map:
		for _, k := range v.MapKeys() {
			eachNumber(prefix, v.MapIndex(k), visit)
		}
	case v.CanInt() || v.CanUint() || v.CanFloat():
		visit(key, v)
	}
}
