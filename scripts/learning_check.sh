#!/bin/sh
# Checks on real data whether pre-training helps fine-tuning: every pooling over five seeds on a fixed sample of
# DDI 2013 and on AIMed's first fold, from a small encoder, compared with the baselines in result.json.
#
#   scripts/learning_check.sh DATA ENCODER OUT
#
# DATA holds ddi2013/DDICorpus-2013.zip and aimed/; ENCODER is a model directory made by subbert pretrain; OUT gets a
# directory for each cell. Run again, it continues where it stopped.
set -eu
data=$1 encoder=$2 out=$3
mkdir -p "$out"
cat > "$out/run.toml" <<EOF
[model]
init = "$encoder"
[data]
train_examples = 4000
test_examples = 2000
[task]
name = "relation"
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
dir = "unset"
EOF
poolings="cls attention cls_raw mean mention lstm bilstm"
for pooling in $poolings; do
	subbert finetune "$out/run.toml" --resume --set task.pooling=$pooling --set run.dir="$out/ddi-$pooling" \
		--set data.corpus="$data/ddi2013/DDICorpus-2013.zip" --set task.corpus=ddi2013
done
for pooling in $poolings; do
	subbert finetune "$out/run.toml" --resume --set task.pooling=$pooling --set run.dir="$out/aimed-$pooling" \
		--set data.corpus="$data/aimed" --set task.corpus=aimed --set task.folds=10 --set task.fold=0 --set data.train_examples=2000 --set 'task.class_weights={1=4.0}'
done
for corpus in ddi aimed; do
	for pooling in attention cls_raw mean mention lstm bilstm; do
		subbert compare "$out/$corpus-$pooling" "$out/$corpus-cls"
	done
done
