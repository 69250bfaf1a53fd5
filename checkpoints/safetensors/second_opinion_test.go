package safetensors_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gomlx/go-huggingface/hub"
	huggingface "github.com/gomlx/go-huggingface/models/safetensors"

	"github.com/subbert/subbert/checkpoints/host"
)

// TestSecondOpinion has go-huggingface's reader read what Write wrote.
func TestSecondOpinion(t *testing.T) {
	dir := t.TempDir()
	// That reader cannot make tensors without elements.
	want := slices.DeleteFunc(sample(), func(t host.Tensor) bool { return t.Name == "empty" })
	if err := os.WriteFile(filepath.Join(dir, "model.safetensors"), encode(t, want, nil), 0o666); err != nil {
		t.Fatal(err)
	}
	m, err := huggingface.New(hub.NewLocal(dir))
	if err != nil {
		t.Fatal(err)
	}
	if got := m.ListTensorNames(); len(got) != len(want) {
		t.Errorf("it finds %d tensors, want %d: %v", len(got), len(want), got)
	}
	for _, tensor := range want {
		got, err := m.GetTensor(nil, tensor.Name)
		if err != nil {
			t.Fatalf("%s: %v", tensor.Name, err)
		}
		if dims := got.Tensor.Shape().Dimensions; !slices.Equal(dims, tensor.Shape) {
			t.Errorf("%s: shape %v, want %v", tensor.Name, dims, tensor.Shape)
		}
		err = got.Tensor.ConstBytes(func(data []byte) {
			if !bytes.Equal(data, tensor.Data) {
				t.Errorf("%s: bytes %v, want %v", tensor.Name, data, tensor.Data)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
