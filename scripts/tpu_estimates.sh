#!/bin/sh
# Prints libtpu's estimates of a step of BERT-base on a v3-8, as rows of a table in docs/performance.md: for every installed version,
# both activations and both precisions, the first moment in bfloat16, 24 and 64 rows per core.
#
#   scripts/tpu_estimates.sh CONFIG_JSON OUT
#
# CONFIG_JSON is the config.json of BERT-base (hidden_act "gelu"). Each compilation takes a minute or more on an idle core, and up to
# 8 GB; plans that are already in OUT are not made again. `subbert backend install tpu --version 0.0.48` and 0.0.52 come first.
set -eu
base=$1 out=$2
mkdir -p "$out/gelu" "$out/gelu_new"
cp "$base" "$out/gelu/config.json"
sed 's/"hidden_act": *"gelu"/"hidden_act": "gelu_new"/' "$base" > "$out/gelu_new/config.json"
for act in gelu gelu_new; do
	cat > "$out/$act.toml" <<EOF
[model]
init = "$out/$act"
[data]
shards = "not looked at"
[task]
name = "pretraining"
batch = 192
sequence = 128
max_predictions = 20
[optimizer]
name = "adamw"
[schedule]
steps = 100000
[run]
dir = "not written"
EOF
done
plan() { # NAME LIBTPU ARGS...
	name=$1 plugin=$2
	shift 2
	[ -s "$out/$name.txt" ] || { subbert -q plan "$@" --device v3-8 --plugin "$plugin" > "$out/$name.new" && mv "$out/$name.new" "$out/$name.txt"; }
	awk -v name="$name" '
		/^ *[a-z].*  / { n = split($0, part, /  +/); v[part[1] == "" ? part[2] : part[1]] = part[n] }
		END {
			printf "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", name, v["estimated operations"], v["products"], v["optimizer"],
				v["reductions"], v["copies"], v["exchanges"], v["step, estimated"], v["tokens"], v["memory, peak"]
		}' "$out/$name.txt"
}
echo '| step | operations | products | optimizer | reductions | copies | collectives | step | tokens | peak |'
echo '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |'
for version in 0.0.48 0.0.52; do
	plugin=${XDG_CACHE_HOME:-$HOME/.cache}/subbert/plugins/tpu/$version/libtpu/libtpu.so
	[ -f "$plugin" ] || continue
	for precision in float32 bfloat16; do
		for act in gelu gelu_new; do
			plan "$version-$precision-$act" "$plugin" "$out/$act.toml" --set device.precision=$precision
		done
		plan "$version-$precision-gelu-moment" "$plugin" "$out/gelu.toml" --set device.precision=$precision --set optimizer.first_moment=bfloat16
		plan "$version-$precision-gelu-64" "$plugin" "$out/gelu.toml" --set device.precision=$precision --set task.batch=512
	done
done
