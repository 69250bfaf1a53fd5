// Package checkpoints saves the state of training and reads published models.
//
// # Steps
//
// A run's checkpoints are directories step-NNNNNNN beside each other, each complete or absent. A [Saver] writes one
// under a temporary name, syncs every file, writes manifest.json (sizes and CRC-32C of all files) last, renames, and
// syncs the parent. A process killed at any moment leaves at most a directory under a temporary name, which readers
// ignore and the next Saver removes. [Latest] checks every file of the newest step against its manifest, and falls back
// to an older step and says why if the files differ. The manifest is the commit record, so that a store without renames
// (an object store) can follow the same protocol: files first, manifest last.
//
// # Models
//
// A model directory holds config.json, vocab.txt, the weights, and tokenizer settings. [OpenModel] accepts any
// published form of it, with the weights in any container (safetensors, pytorch_model.bin, TensorFlow's), and presents
// tensors under Hugging Face's names, with matrices as [out,in]. [Model.Load] fills a program's parameters and reports
// for each part which tensors were loaded, tied, left fresh or unused. [WriteModel] writes a directory that
// transformers loads.
//
// Tensors here are host memory only (package host); no tensor library is imported.
package checkpoints

import "github.com/subbert/subbert/checkpoints/host"

// Types that the containers share.
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
	// Ignored is an entry of a file of weights that is not a parameter.
	Ignored = host.Skipped
	// FileWriter creates the files of one checkpoint or model directory.
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
