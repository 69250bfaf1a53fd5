package runs

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/configs"
)

func TestPluginOptions(t *testing.T) {
	for _, test := range []struct {
		name, backend string
		device        configs.Device
		want          map[string]any
		fails         bool
	}{
		{"none", backend.Go, configs.Device{}, map[string]any{}, false},
		{"of a GPU", backend.CUDA, configs.Device{VisibleDevices: []int{0, 2}, MemoryFraction: 0.5}, map[string]any{"visible_devices": []int64{0, 2}, "memory_fraction": float32(0.5)}, false},
		{"fraction on a processor", backend.CPU, configs.Device{MemoryFraction: 0.5}, nil, true},
		{"cuDNN on a processor", backend.Go, configs.Device{Attention: configs.CuDNN}, nil, true},
		{"cuDNN on a GPU", backend.CUDA, configs.Device{Attention: configs.CuDNN}, map[string]any{}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, err := PluginOptions(backend.Choice{Spec: backend.Spec{Name: test.backend}, Reason: "by the flag"}, test.device)
			if config, ok := errors.AsType[*configs.Error](err); test.fails && (!ok || !strings.Contains(config.Error(), "not "+test.backend+" (by the flag)")) {
				t.Errorf("got %v, want a *configs.Error that names the choice", err)
			}
			if (err != nil) != test.fails || !test.fails && !cmp.Equal(got, test.want) {
				t.Errorf("got %v, %v; want %v", got, err, test.want)
			}
		})
	}
}
