package checkpoints

import (
	"regexp"
	"strings"
)

// The parameters that BERT ties, and the second name that some files give to one of them.
const (
	wordEmbeddings = "bert.embeddings.word_embeddings.weight"
	decoderWeight  = "cls.predictions.decoder.weight"
	decoderBias    = "cls.predictions.decoder.bias"
	outputBias     = "cls.predictions.bias"
)

// tiedTo returns the parameter with which another one shares its values.
func tiedTo(name string) (original string, ok bool) {
	switch name {
	case decoderWeight:
		return wordEmbeddings, true
	case decoderBias:
		return outputBias, true
	}
	return "", false
}

// naming is the meaning of a name in a file.
type naming struct {
	name       string // Hugging Face's, with the bert. prefix
	transposed bool   // the file has the matrix as [in,out]
	ignored    string // why the tensor is not a parameter; name is empty then
}

// wrappers matches the prefixes that programs add to every name: for data parallelism, for compilation, or because
// the model is an attribute of their own class. The last alternative is a model with heads as the attribute bert.
var wrappers = regexp.MustCompile(`^(?:(?:module|_orig_mod|model|net)\.)+|^bert\.(?:bert\.|cls\.|classifier\.|sll\.|_orig_mod\.|module\.)`)

// maxWrappers is the number of wrappers that are removed; no program adds more.
const maxWrappers = 8

// unwrap removes all nested wrappers.
func unwrap(name string) string {
	for range maxWrappers {
		found := wrappers.FindString(name)
		if found == "" {
			break
		}
		if strings.HasPrefix(found, "bert.") {
			found = "bert."
		}
		name = name[len(found):]
	}
	return name
}

// nameHuggingFace interprets the names of PyTorch and safetensors files: with or without the bert. prefix, with gamma
// and beta for LayerNorm's weight and bias (early files), with dense_act for a dense layer with its activation
// (NVIDIA), or wrapped.
func nameHuggingFace(name string) naming {
	if len(name) > longestName {
		return naming{name: name}
	}
	n := unwrap(name)
	for _, bare := range []string{"embeddings.", "encoder.layer.", "pooler."} {
		if strings.HasPrefix(n, bare) {
			n = "bert." + n
		}
	}
	n = strings.Replace(n, ".dense_act.", ".dense.", 1)
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

// longestName is the maximum length in bytes of the names of a BERT and its optimizer.
const longestName = 256

var googleLayer = regexp.MustCompile(`(^|/)layer_(\d+)(/|$)`)

// nameGoogle interprets the names of Google's TensorFlow code, which stores dense layers as [in,out] kernels.
func nameGoogle(name string) naming {
	if len(name) > longestName {
		return naming{name: strings.ReplaceAll(name, "/", ".")}
	}
	last := name[strings.LastIndex(name, "/")+1:]
	switch {
	case slotName.MatchString(last) || strings.HasSuffix(name, "beta1_power") || strings.HasSuffix(name, "beta2_power"):
		return naming{ignored: optimizerState}
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

// Entries of files that are not parameters.
const (
	optimizerState = "optimizer state"
	trainingState  = "training state" // numbers that a training program keeps: rates, counters, scales
)

// slotName matches the suffixes that TensorFlow's, Google's and NVIDIA's optimizers append to a variable's name for
// their state.
var slotName = regexp.MustCompile(`^(?:adam|lamb|Adam|AdamW|Adamax|Nadam|AMSGrad|LAMB|LARS|BERTAdam|BertAdam|RMSProp|Momentum|Adagrad|Adadelta|Adafactor|Ftrl|RAdam|` +
	`\w*Optimizer|ExponentialMovingAverage|MovingAverage)(?:_[mv]|_vr|_vc|_\d+)?$`)

// nameTensorFlow is nameGoogle for the variables of one checkpoint. A name that contains a whole parameter's name, such
// as bert/pooler/dense/bias/LAMB or training/Adam/bert/pooler/dense/bias/m, is optimizer state, whatever the optimizer
// is called. A single number outside of BERT is training state: BERT has parameters of one number only in its heads.
func nameTensorFlow(all []Info) func(Info) naming {
	parameters := make(map[string]bool)
	for _, info := range all {
		if IsBERT(nameGoogle(info.Name).name) {
			parameters[info.Name] = true
		}
	}
	return func(info Info) naming {
		n := nameGoogle(info.Name)
		if n.ignored != "" || parameters[info.Name] {
			return n
		}
		if belowParameter(info.Name, parameters) {
			return naming{ignored: optimizerState}
		}
		if info.Elements() == 1 && PartOf(n.name) == Other {
			return naming{ignored: trainingState}
		}
		n.name = unwrap(n.name)
		return n
	}
}

// belowParameter reports whether name contains a whole parameter's name followed by more.
func belowParameter(name string, parameters map[string]bool) bool {
	if len(name) > longestName {
		return false
	}
	scopes := strings.Split(name, "/")
	for start := range scopes {
		for end := start + 1; end < len(scopes); end++ {
			if parameters[strings.Join(scopes[start:end], "/")] {
				return true
			}
		}
	}
	return false
}

var bertName = regexp.MustCompile(`^(?:bert\.embeddings\.(?:(?:word|position|token_type)_embeddings\.weight|LayerNorm\.(?:weight|bias))|` +
	`bert\.encoder\.layer\.\d+\.(?:attention\.self\.(?:query|key|value)|attention\.output\.(?:dense|LayerNorm)|intermediate\.dense|output\.(?:dense|LayerNorm))\.(?:weight|bias)|` +
	`bert\.pooler\.dense\.(?:weight|bias)|cls\.predictions\.(?:bias|decoder\.(?:weight|bias)|transform\.(?:dense|LayerNorm)\.(?:weight|bias))|` +
	`cls\.seq_relationship\.(?:weight|bias)|classifier\.(?:weight|bias)|sll\..*)$`)

// IsBERT reports whether a BERT, its pre-training heads or a classifier on it has a parameter with that Hugging Face
// name.
func IsBERT(name string) bool { return len(name) <= longestName && bertName.MatchString(name) }

var huggingFaceLayer = regexp.MustCompile(`\.layer\.(\d+)\.`)

// googleName is the inverse of nameGoogle: Google's name of a parameter, and whether Google's code stores it
// transposed. ok is false for a parameter that Google's code lacks.
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
