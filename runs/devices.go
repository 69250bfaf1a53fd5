package runs

import (
	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/configs"
)

// PluginOptions returns the options, for pjrt.Options.Create, with which the plugin of a choice applies the GPU settings
// of d. Another backend than CUDA has no such settings.
func PluginOptions(choice backend.Choice, d configs.Device) (map[string]any, error) {
	create := map[string]any{}
	if len(d.VisibleDevices) > 0 {
		var numbers []int64
		for _, n := range d.VisibleDevices {
			numbers = append(numbers, int64(n))
		}
		create["visible_devices"] = numbers
	}
	if d.MemoryFraction > 0 {
		create["memory_fraction"] = float32(d.MemoryFraction)
	}
	if choice.Name != backend.CUDA && (len(create) > 0 || d.Attention == configs.CuDNN) {
		return nil, configs.Errorf("device.visible_devices, device.memory_fraction and device.attention = %q are for the backend cuda, not %s (%s)",
			configs.CuDNN, choice.Name, choice.Reason)
	}
	return create, nil
}
