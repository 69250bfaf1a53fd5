package checkpoints

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/subbert/subbert/checkpoints/host"
)

// baseShapes lists the parameters of BERT-base with both heads and a cased vocabulary, 108 million numbers.
func baseShapes() []Parameter {
	const h, f, v = 768, 3072, 28996
	want := []Parameter{
		{wordEmbeddings, []int{v, h}}, {"bert.embeddings.position_embeddings.weight", []int{512, h}},
		{"bert.embeddings.token_type_embeddings.weight", []int{2, h}}, {outputBias, []int{v}},
		{"bert.pooler.dense.weight", []int{h, h}}, {"bert.pooler.dense.bias", []int{h}},
		{"cls.predictions.transform.dense.weight", []int{h, h}}, {"cls.predictions.transform.dense.bias", []int{h}},
		{"cls.seq_relationship.weight", []int{2, h}}, {"cls.seq_relationship.bias", []int{2}},
	}
	norms := []string{"bert.embeddings.LayerNorm", "cls.predictions.transform.LayerNorm"}
	for l := range 12 {
		layer := fmt.Sprintf("bert.encoder.layer.%d.", l)
		for name, d := range map[string][2]int{
			"attention.self.query": {h, h}, "attention.self.key": {h, h}, "attention.self.value": {h, h},
			"attention.output.dense": {h, h}, "intermediate.dense": {f, h}, "output.dense": {h, f},
		} {
			want = append(want, Parameter{layer + name + ".weight", []int{d[0], d[1]}}, Parameter{layer + name + ".bias", []int{d[0]}})
		}
		norms = append(norms, layer+"attention.output.LayerNorm", layer+"output.LayerNorm")
	}
	for _, n := range norms {
		want = append(want, Parameter{n + ".weight", []int{h}}, Parameter{n + ".bias", []int{h}})
	}
	return want
}

// generated is a container of made-up numbers that takes no memory of its own.
type generated []Parameter

func (g generated) Tensors() []Info {
	infos := make([]Info, len(g))
	for i, p := range g {
		infos[i] = Info{Name: p.Name, DType: F32, Shape: p.Shape}
	}
	return infos
}

func (g generated) Read(name string, dst []byte) error {
	x := uint32(len(name))
	for i := range dst {
		x = x*1664525 + 1013904223
		dst[i] = byte(x >> 24)
	}
	return nil
}

func (g generated) Close() error { return nil }

// base makes a model directory of BERT-base with its weights in a container.
func base(b *testing.B, kind Kind) (dir string, size int64) {
	b.Helper()
	dir = b.TempDir()
	files := &stepFiles{fsys: disk{}, dir: dir, seals: make(map[string]fileSeal)}
	e := Export{Config: []byte(`{"vocab_size": 28996}`), Weights: generated(baseShapes())}
	if err := e.writeWeights(files, kind); err != nil {
		b.Fatal(err)
	}
	return dir, manifest{Files: files.seals}.size()
}

// BenchmarkLoad reads BERT-base from the page cache. The vocabulary and the configuration are left out.
func BenchmarkLoad(b *testing.B) {
	for _, kind := range []Kind{KindSafetensors, KindPyTorch, KindTensorFlow} {
		b.Run(string(kind), func(b *testing.B) {
			dir, size := base(b, kind)
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				m, _, err := Peek(b.Context(), dir)
				if err != nil {
					b.Fatal(err)
				}
				var kept [][]float32
				if _, err := m.Load(baseShapes(), nil, func(_ Parameter, values []float32) error {
					kept = append(kept, values)
					return nil
				}); err != nil {
					b.Fatal(err)
				}
				if err := m.Close(); err != nil {
					b.Fatal(err)
				}
				runtime.KeepAlive(kept)
			}
		})
	}
}

// BenchmarkSave makes a step of BERT-base, synced.
func BenchmarkSave(b *testing.B) {
	m := make(host.Memory, 0, 200)
	var total int64
	for _, info := range generated(baseShapes()).Tensors() {
		t, err := host.ReadTensor(generated(nil), info)
		if err != nil {
			b.Fatal(err)
		}
		m, total = append(m, t), total+int64(len(t.Data))
	}
	b.SetBytes(total)
	s, err := NewSaver(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	for step := 1; b.Loop(); step++ {
		saved, err := s.Save(step, func(w FileWriter) error { return Export{Weights: m}.writeWeights(w, KindSafetensors) })
		if err != nil {
			b.Fatal(err)
		}
		if err := os.RemoveAll(saved.Dir); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLatest verifies a step of BERT-base in the page cache.
func BenchmarkLatest(b *testing.B) {
	root := b.TempDir()
	s, err := NewSaver(root)
	if err != nil {
		b.Fatal(err)
	}
	saved, err := s.Save(1, func(w FileWriter) error {
		return writeFile(w, "weights", func(f io.Writer) error {
			_, err := io.CopyN(f, zeros{}, 440<<20)
			return err
		})
	})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(saved.Bytes)
	for b.Loop() {
		if _, _, err := Latest(filepath.Clean(root)); err != nil {
			b.Fatal(err)
		}
	}
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
