#!/usr/bin/env bash
# Compares loss curves in float32 and bfloat16: pre-trains a small BERT on real text three times, with activations in float32, in
# bfloat16, and in float32 with the optimizer's first moment in bfloat16; everything else is the same. The pure-Go
# backend rounds to bfloat16; XLA on a processor computes bfloat16 in float32 and shows no difference.
# docs/performance.md has the results.
#
#   SUBBERT_DATA=... scripts/precision.sh DIR [STEPS]     with subbert on the PATH; DIR gets all output. Run again, it continues
#                                                         where it stopped.
set -euo pipefail
: "${SUBBERT_DATA:?a directory with pubtext and vocab}"
mkdir -p "${1:?a directory to work in}/start"
cd "$1"
steps=${2:-300}

cp "$SUBBERT_DATA/vocab/bert-base-cased.vocab.txt" start/vocab.txt
cat > start/config.json <<'JSON'
{"model_type": "bert", "vocab_size": 28996, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2,
 "intermediate_size": 256, "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1,
 "max_position_embeddings": 128, "type_vocab_size": 2, "initializer_range": 0.08, "layer_norm_eps": 1e-12}
JSON
[ -d shards ] || subbert data shard --vocab start/vocab.txt --held-out 0.02 --out shards \
	"$SUBBERT_DATA/pubtext/citation-screening-abstracts.jsonl.xz"
cat > run.toml <<TOML
[model]
init = "start"
fresh = "all"
[data]
shards = "shards"
[task]
batch = 32
sequence = 32
max_predictions = 5
[optimizer]
learning_rate = 2e-3
[schedule]
steps = $steps
warmup_steps = 30
[checkpoint]
every_steps = 100
[record]
every_steps = 10
[run]
dir = "set below"
TOML
train() { # DIR SETTING...
	dir=$1
	shift
	subbert --backend go pretrain run.toml --resume --set run.dir="$dir" "${@/#/--set=}"
}
train float32
train bfloat16 device.precision=bfloat16
train moment optimizer.first_moment=bfloat16
column() { grep -o "\"step\":[0-9]*.*\"$2\":[0-9.]*" "$1/metrics.jsonl" | sed -E "s/\"step\":([0-9]*).*:([0-9.]*)$/\1 \2/" | sort -k1,1; }
echo "step float32 bfloat16 moment   mlm_loss, mean of ten steps"
join <(join <(column float32 mlm_loss) <(column bfloat16 mlm_loss)) <(column moment mlm_loss) | sort -n
for dir in float32 bfloat16 moment; do
	echo "$dir held out: $(grep -o '"heldout_mlm_loss": [0-9.]*' "$dir/result.json")"
done
