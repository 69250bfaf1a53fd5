package hub

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWanted(t *testing.T) {
	for _, c := range []struct{ name, have, want string }{
		{"safetensors before PyTorch", "config.json model.safetensors pytorch_model.bin tf_model.h5 vocab.txt", "config.json vocab.txt model.safetensors"},
		{"sharded", "model-00001-of-00002.safetensors model-00002-of-00002.safetensors model.safetensors.index.json other-00001-of-00002.safetensors",
			"model-00001-of-00002.safetensors model-00002-of-00002.safetensors model.safetensors.index.json"},
		{"sharded PyTorch", "pytorch_model-00001-of-00001.bin pytorch_model.bin.index.json training_args.bin", "pytorch_model-00001-of-00001.bin pytorch_model.bin.index.json"},
		{"TensorFlow", "bert_config.json bert_model.ckpt.data-00000-of-00001 bert_model.ckpt.index bert_model.ckpt.meta checkpoint vocab.txt",
			"bert_config.json vocab.txt bert_model.ckpt.data-00000-of-00001 bert_model.ckpt.index checkpoint"},
		{"BlueBERT's: both", "bert_model.ckpt.index checkpoint pytorch_model.bin", "pytorch_model.bin"},
		{"in a folder", "onnx/model.safetensors", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := wanted(strings.Fields(c.have))
			if (err == nil) != (c.want != "") {
				t.Errorf("error %v", err)
			}
			if diff := cmp.Diff(c.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("wanted (-want +got):\n%s", diff)
			}
		})
	}
}
