package checkpoints

import (
	"regexp"
	"strings"
)

// The parameters that BERT ties, and the two names some files give to one of them.
const (
	wordEmbeddings = "bert.embeddings.word_embeddings.weight"
	decoderWeight  = "cls.predictions.decoder.weight"
	decoderBias    = "cls.predictions.decoder.bias"
	outputBias     = "cls.predictions.bias"
)

// tiedTo gives the parameter that another one shares its values with.
func tiedTo(name string) (original string, ok bool) {
	switch name {
	case decoderWeight:
		return wordEmbeddings, true
	case decoderBias:
		return outputBias, true
	}
	return "", false
}

// naming is what one name in a file means.
type naming struct {
	name       string // Hugging Face's, with the bert. prefix
	transposed bool   // the file has the matrix as [in,out]
	ignored    string // why the tensor is not a parameter; name is empty then
}

// nameHuggingFace understands the names of PyTorch and safetensors files: with or without the bert. prefix, with
// gamma and beta as early ones call LayerNorm's weight and bias, or wrapped for data parallelism.
func nameHuggingFace(name string) naming {
	n := strings.TrimPrefix(name, "module.")
	for _, bare := range []string{"embeddings.", "encoder.", "pooler."} {
		if strings.HasPrefix(n, bare) {
			n = "bert." + n
		}
	}
	switch n {
	case "bert.embeddings.position_ids", "bert.embeddings.token_type_ids":
		return naming{ignored: "index buffer"}
	}
	if stem, ok := strings.CutSuffix(n, "LayerNorm.gamma"); ok {
		n = stem + "LayerNorm.weight"
	} else if stem, ok := strings.CutSuffix(n, "LayerNorm.beta"); ok {
		n = stem + "LayerNorm.bias"
	}
	return naming{name: n}
}

var googleLayer = regexp.MustCompile(`(^|/)layer_(\d+)(/|$)`)

// nameGoogle understands the names of Google's TensorFlow code, which stores dense layers as [in,out] kernels.
func nameGoogle(name string) naming {
	last := name[strings.LastIndex(name, "/")+1:]
	switch {
	case last == "adam_m" || last == "adam_v" || last == "lamb_m" || last == "lamb_v" || last == "Adam" || last == "Adam_1" ||
		strings.HasSuffix(name, "beta1_power") || strings.HasSuffix(name, "beta2_power"):
		return naming{ignored: "optimizer state"}
	case last == "global_step":
		return naming{ignored: "step counter"}
	case name == "output_weights" || name == "output_bias": // of run_classifier.py
		return naming{name: "classifier." + map[string]string{"output_weights": "weight", "output_bias": "bias"}[name]}
	case name == "cls/predictions/output_bias":
		return naming{name: outputBias}
	case name == "cls/seq_relationship/output_weights":
		return naming{name: "cls.seq_relationship.weight"}
	case name == "cls/seq_relationship/output_bias":
		return naming{name: "cls.seq_relationship.bias"}
	}
	stem, transposed := googleLayer.ReplaceAllString(name, "${1}layer/${2}${3}"), false
	switch last {
	case "kernel":
		stem, transposed = strings.TrimSuffix(stem, "kernel")+"weight", true
	case "gamma":
		stem = strings.TrimSuffix(stem, "gamma") + "weight"
	case "beta":
		stem = strings.TrimSuffix(stem, "beta") + "bias"
	case "word_embeddings", "position_embeddings", "token_type_embeddings":
		stem += "/weight"
	}
	return naming{name: strings.ReplaceAll(stem, "/", "."), transposed: transposed}
}

var huggingFaceLayer = regexp.MustCompile(`\.layer\.(\d+)\.`)

// googleName is the inverse of nameGoogle: what Google's code calls a parameter, and whether it stores it transposed.
// It is not ok for a parameter that code does not have.
func googleName(name string) (google string, transposed, ok bool) {
	switch name {
	case "classifier.weight":
		return "output_weights", false, true
	case "classifier.bias":
		return "output_bias", false, true
	case outputBias:
		return "cls/predictions/output_bias", false, true
	case "cls.seq_relationship.weight":
		return "cls/seq_relationship/output_weights", false, true
	case "cls.seq_relationship.bias":
		return "cls/seq_relationship/output_bias", false, true
	}
	if !strings.HasPrefix(name, "bert.") && !strings.HasPrefix(name, "cls.") {
		return "", false, false
	}
	n := strings.ReplaceAll(huggingFaceLayer.ReplaceAllString(name, ".layer_$1."), ".", "/")
	if stem, isNorm := strings.CutSuffix(n, "LayerNorm/weight"); isNorm {
		return stem + "LayerNorm/gamma", false, true
	}
	if stem, isNorm := strings.CutSuffix(n, "LayerNorm/bias"); isNorm {
		return stem + "LayerNorm/beta", false, true
	}
	if stem, isTable := strings.CutSuffix(n, "_embeddings/weight"); isTable {
		return stem + "_embeddings", false, true
	}
	if stem, isDense := strings.CutSuffix(n, "/weight"); isDense {
		return stem + "/kernel", true, true
	}
	return n, false, true
}
