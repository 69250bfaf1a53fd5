// Package checkpoints keeps what training makes and reads what others published.
//
// # Steps
//
// A run's checkpoints are directories step-NNNNNNN beside each other, each complete or absent. A [Saver] writes one
// under a temporary name, syncs every file, writes manifest.json (sizes and CRC-32C of all files) last, renames, and
// syncs the parent. A process killed at any moment leaves at most a temporary name, which readers ignore and the next
// Saver removes. [Latest] trusts nothing: it checks every file of the newest step against its manifest and falls back to
// an older one, saying why. The manifest is the commit record, so that a store without renames (an object store) can
// follow the same protocol: files first, manifest last.
//
// # Models
//
// A model directory holds config.json, vocab.txt, the weights, and tokenizer settings. [OpenModel] accepts any
// published form of it, whatever container the weights are in (safetensors, pytorch_model.bin, TensorFlow's) and shows
// tensors under one set of names, Hugging Face's, with matrices as [out,in]. [Model.Load] fills the parameters a program wants and
// reports part by part what was loaded, tied, left fresh or unused. [WriteModel] writes a directory that transformers loads.
//
// Tensors here are host memory only (package host); no tensor library is imported.
package checkpoints

import "github.com/subbert/subbert/checkpoints/host"

// What the containers share, under the names users of this package meet.
type (
	// Tensor is a named tensor in host memory.
	Tensor = host.Tensor
	// DType is an element type.
	DType = host.DType
	// Info describes a tensor without its data.
	Info = host.Info
	// Container is a set of named tensors, such as a file.
	Container = host.Container
	// Memory is a container in memory.
	Memory = host.Memory
	// Ignored is a thing in a file of weights that is no parameter.
	Ignored = host.Skipped
	// FileWriter is where the files of one checkpoint or model directory go.
	FileWriter = host.FileWriter
)

// The element types that weights are published in.
const (
	F32  = host.F32
	F16  = host.F16
	BF16 = host.BF16
	F64  = host.F64
	I64  = host.I64
	I32  = host.I32
	U8   = host.U8
)
