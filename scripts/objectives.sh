#!/usr/bin/env bash
# Compares masking and schedules: pre-trains a BERT of two layers on real text in three ways (sub-words or whole words
# masked, linear decay or the release's saw-tooth), and measures held-out loss on the same instances, and micro F1 on DDI 2013 over
# five seeds from each of them and from random weights. docs/experiments.md has the results.
#
#   SUBBERT_DATA=... scripts/objectives.sh DIR     with subbert on the PATH; DIR gets all output. Run again, it continues
#                                                  where it stopped. With SUBBERT_BACKEND=cpu it takes about two hours.
#
# Rows are 32 positions long at first: until attention has found the neighbouring words, the loss of [MASK] stays at that
# of word frequencies, and rows of 128 positions keep it there for thousands of steps.
set -euo pipefail
: "${SUBBERT_DATA:?a directory with pubtext, vocab and ddi2013}"
mkdir -p "${1:?a directory to work in}/start"
cd "$1"

cp "$SUBBERT_DATA/vocab/bert-base-cased.vocab.txt" start/vocab.txt
cat > start/config.json <<'JSON'
{"model_type": "bert", "vocab_size": 28996, "hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2,
 "intermediate_size": 512, "hidden_act": "gelu", "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
 "max_position_embeddings": 256, "type_vocab_size": 2, "initializer_range": 0.08, "layer_norm_eps": 1e-12}
JSON
[ -d shards ] || subbert data shard --vocab start/vocab.txt --held-out 0.01 --out shards \
	"$SUBBERT_DATA/pubtext/citation-screening-abstracts.jsonl.xz" "$SUBBERT_DATA/pubtext/evidence-inference-pmc.jsonl.xz"
cat > pretrain.toml <<'TOML'
[model]
init = "start"
fresh = "all"
[data]
shards = "shards"
[task]
name = "pretraining"
batch = 128
sequence = 32
max_predictions = 5
[[task.phases]]
from_step = 2000
sequence = 128
max_predictions = 20
batch = 32
[optimizer]
learning_rate = 1e-3
[schedule]
steps = 3000
warmup_steps = 200
[checkpoint]
every_steps = 1000
[record]
every_steps = 25
evaluate_every = 500
[run]
dir = "set below"
TOML
for run in subword-linear whole_word-linear subword-sawtooth; do
	[ -d "pre/$run/model" ] || subbert pretrain pretrain.toml --resume --set run.dir="pre/$run" \
		--set task.masking="${run%-*}" --set schedule.kind="${run#*-}"
	for masking in subword whole_word; do
		subbert eval --model "pre/$run/model" --shards shards --masking "$masking" --json > "pre/$run-$masking.json"
	done
done

# Dropout is for fine-tuning: less than one epoch of pre-training needs none.
for run in pre/*/; do
	run=${run%/} name=$(basename "$run")
	mkdir -p "models/$name"
	cp "$run"/model/* "models/$name/"
	sed 's/_dropout_prob": 0\(\.0\)\?/_dropout_prob": 0.1/' "$run/model/config.json" > "models/$name/config.json"
done
mkdir -p models/random
cp start/vocab.txt models/random/
sed 's/_prob": 0\.0/_prob": 0.1/g' start/config.json > models/random/config.json

cat > ddi.toml <<TOML
[model]
init = "set below"
[data]
corpus = "$SUBBERT_DATA/ddi2013/DDICorpus-2013.zip"
train_examples = 4000
test_examples = 2000
[task]
name = "relation"
corpus = "ddi2013"
pooling = "attention"
batch = 16
sequence = 128
truncate = "around_mentions"
seeds = 5
[optimizer]
learning_rate = 3e-4
[schedule]
epochs = 4
warmup_fraction = 0.1
[checkpoint]
every_steps = 0
[run]
dir = "set below"
TOML
for model in models/*/; do
	name=$(basename "$model")
	case $name in random) fresh='"all"' ;; *) fresh='[]' ;; esac
	[ -f "ddi/$name/result.json" ] || subbert finetune ddi.toml --resume --set model.init="models/$name" --set model.fresh="$fresh" --set run.dir="ddi/$name"
done
for name in random whole_word-linear subword-sawtooth; do
	subbert compare "ddi/$name" ddi/subword-linear
done
subbert report pre/*/ --out report.html
