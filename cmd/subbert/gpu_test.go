package main

import (
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/subbert/subbert/backend"
	"github.com/subbert/subbert/configs"
)

// TestGPUOptions: the GPU settings of a config reach the CUDA plugin under its names, and other plugins refuse them.
func TestGPUOptions(t *testing.T) {
	device := configs.Device{VisibleDevices: []int{2, 0}, MemoryFraction: 0.5}
	cuda := backend.Choice{Spec: backend.Spec{Name: backend.CUDA}}
	got, err := gpuOptions(cuda, device)
	want := map[string]any{"visible_devices": []int64{2, 0}, "memory_fraction": float32(0.5)}
	if err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("%v, got %v, want %v", err, got, want)
	}
	if got, err := gpuOptions(cuda, configs.Device{}); err != nil || len(got) > 0 {
		t.Errorf("%v, got %v, want nothing", err, got)
	}
	for _, d := range []configs.Device{device, {Attention: configs.CuDNN}} {
		_, err = gpuOptions(backend.Choice{Spec: backend.Spec{Name: backend.Go}, Reason: "by the flag"}, d)
		if err == nil || !strings.Contains(err.Error(), "this is go (by the flag)") || complain(io.Discard, err) != exitMisused {
			t.Errorf("%+v: got %v, want a refusal", d, err)
		}
	}
}
