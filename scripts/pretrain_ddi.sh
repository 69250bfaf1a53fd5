#!/usr/bin/env bash
# Pre-trains a BERT of two layers on real abstracts and fine-tunes it on DDI 2013, [CLS] against attention and pre-trained
# against random, three seeds each. docs/experiments.md has what came out.
#
#   SUBBERT_DATA=... scripts/pretrain_ddi.sh DIR     with subbert on the PATH; XLA:CPU makes it some twenty minutes
set -euo pipefail
: "${SUBBERT_DATA:?a directory with pubtext, vocab and ddi2013}"
mkdir -p "${1:?a directory to work in}/start"
cd "$1"

cp "$SUBBERT_DATA/vocab/bert-base-cased.vocab.txt" start/vocab.txt
cat > start/config.json <<'JSON'
{"model_type": "bert", "vocab_size": 28996, "hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2,
 "intermediate_size": 512, "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1,
 "max_position_embeddings": 256, "type_vocab_size": 2, "initializer_range": 0.08, "layer_norm_eps": 1e-12}
JSON
subbert data shard --vocab start/vocab.txt --held-out 0.02 --out shards "$SUBBERT_DATA/pubtext/citation-screening-abstracts.jsonl.xz"
cat > pretrain.toml <<'TOML'
[model]
init = "start"
fresh = "all"
[data]
shards = "shards"
[task]
name = "pretraining"
batch = 32
sequence = 128
[optimizer]
learning_rate = 1e-3
[schedule]
steps = 2000
warmup_steps = 300
[record]
every_steps = 20
evaluate_every = 250
[run]
dir = "pretrained"
TOML
subbert pretrain pretrain.toml
subbert eval --model pretrained/model --shards shards

for split in train test; do
	subbert data relations --from ddi2013 "$SUBBERT_DATA/ddi2013/DDICorpus-2013.zip" --split $split --out ddi-$split.tsv
done
cat > ddi.toml <<'TOML'
[model]
init = "start"
fresh = "all"
[data]
train = "ddi-train.tsv"
test = "ddi-test.tsv"
train_examples = 4000
[task]
name = "relation"
batch = 32
sequence = 128
truncate = "around_mentions"
[optimizer]
learning_rate = 3e-4
[schedule]
epochs = 4
warmup_fraction = 0.1
[run]
dir = "ddi"
TOML
for seed in 1 2 3; do
	for pooling in cls attention; do
		for init in start pretrained/model; do
			name=$pooling-$(dirname $init/x | cut -d/ -f1)
			subbert finetune ddi.toml --set model.init=$init --set task.pooling=$pooling --set run.seed=$seed --set run.dir=runs/$name-$seed
		done
	done
done
