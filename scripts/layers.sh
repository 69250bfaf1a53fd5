#!/bin/sh
# Probes the layers of a small encoder on real corpora, and lists the words with high attention: edge probes of DDI 2013 and
# AIMed over five seeds, with a random encoder and shuffled labels as controls, and the stems with the greatest weights (Table 8) of the
# models that scripts/learning_check.sh fine-tuned with attention pooling, one list for each seed.
#
#   scripts/layers.sh DATA ENCODER CHECK OUT
#
# DATA holds ddi2013/DDICorpus-2013.zip and aimed/; ENCODER is a model directory; CHECK is learning_check.sh's OUT.
set -eu
data=$1 encoder=$2 check=$3 out=$4
mkdir -p "$out"
cat > "$out/probe.toml" <<EOF2
[model]
init = "$encoder"
[data]
train_examples = 4000
test_examples = 2000
[task]
name = "probe"
batch = 32
sequence = 128
truncate = "around_mentions"
seeds = 5
[optimizer]
learning_rate = 1e-3
[schedule]
epochs = 6
[run]
dir = "unset"
EOF2
[ -f "$out/ddi/result.json" ] || subbert probe "$out/probe.toml" --set run.dir="$out/ddi" \
	--set data.corpus="$data/ddi2013/DDICorpus-2013.zip" --set task.corpus=ddi2013 > "$out/ddi.txt"
[ -f "$out/aimed/result.json" ] || subbert probe "$out/probe.toml" --set run.dir="$out/aimed" \
	--set data.corpus="$data/aimed" --set task.corpus=aimed --set task.folds=10 --set task.fold=0 > "$out/aimed.txt"
for seed in 1 2 3 4 5; do
	[ -d "$out/words-ddi-$seed" ] || subbert attention "$check/ddi-attention/seed-$seed/model" --corpus "$data/ddi2013/DDICorpus-2013.zip" --form ddi2013 \
		--out "$out/words-ddi-$seed" > "$out/words-ddi-$seed.txt"
	[ -d "$out/words-aimed-$seed" ] || subbert attention "$check/aimed-attention/fold-0-seed-$seed/model" --corpus "$data/aimed" --form aimed \
		--out "$out/words-aimed-$seed" > "$out/words-aimed-$seed.txt"
done
subbert report "$out/ddi" "$out/aimed" "$out"/words-ddi-1 "$out"/words-aimed-1 "$check"/ddi-* "$check"/aimed-* --out "$out/report.html"
