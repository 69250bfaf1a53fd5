"""Checks that transformers 4, transformers 5 and subbert read each other's model directories in the same way: ids of 10,000 lines of text, and
the numbers of a forward pass, in both directions.

    python3 -m venv t4 && t4/bin/pip install torch==2.8.0 transformers==4.57.6 numpy==2.2.6
    python3 -m venv t5 && t5/bin/pip install torch==2.8.0 transformers==5.24.0 numpy==2.2.6
    go build -o subbert ./cmd/subbert
    python3 scripts/check_transformers.py --subbert ./subbert --data ../shared/data t4/bin/python t5/bin/python

Each version writes a BERT of random weights with a published vocabulary, in several settings of the tokenizer; subbert converts it; then
every version and subbert read every directory. Exit code 1 if anything differs.
"""

import argparse
import json
import lzma
import os
import subprocess
import sys
import tempfile

SETTINGS = {  # name: vocabulary, arguments of BertTokenizer, tokens added to it
    "cased": ("bert-base-cased.vocab.txt", dict(do_lower_case=False), []),
    "uncased": ("bert-base-uncased.vocab.txt", dict(do_lower_case=True), []),
    "accents-kept": ("bert-base-uncased.vocab.txt", dict(do_lower_case=True, strip_accents=False), []),
    "accents-stripped": ("bert-base-cased.vocab.txt", dict(do_lower_case=False, strip_accents=True), []),
    "ideographs-joined": ("bert-base-uncased.vocab.txt", dict(do_lower_case=True, tokenize_chinese_chars=False), []),
    "cased-added": ("bert-base-cased.vocab.txt", dict(do_lower_case=False), ["@GENE$", "@CHEMICAL$", "of the"]),
    "special-names": ("bert-base-cased.vocab.txt", dict(do_lower_case=False, pad_token="<pad>", unk_token="<unk>", cls_token="<s>", sep_token="</s>", mask_token="<mask>"), []),
    "uncased-added": ("bert-base-uncased.vocab.txt", dict(do_lower_case=True), ["@GENE$", "@CHEMICAL$", "of the"]),
}
HARD = ["@GENE$ binds @CHEMICAL$.", "@gene$binds@Chemical$", "Möller CAFÉ naïve I\u0307", "gene基因gene かな 한국", "x" * 100, "x" * 101,
        "tab\there\u00a0and\u2009there \u200bzero", "α-synuclein (β2) ≥ 5 µM ≠ 6", "OF THE of the Of The", "\ud7a3 e\u0301 \u0301", "İstanbul"]


def chosen():
    """SETTINGS, or the one that the environment names."""
    return [(k, v) for k, v in SETTINGS.items() if os.environ.get("ONLY", k) == k]


def strings(value):
    if isinstance(value, str):
        yield from (line for line in value.splitlines() if line.strip())
    elif isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for v in value:
            yield from strings(v)


def lines(data, count):
    """Lines of articles and abstracts in turn, behind some that are hard."""
    files = [lzma.open(os.path.join(data, "pubtext", name + ".jsonl.xz"), "rt", encoding="utf-8")
             for name in ("citation-screening-abstracts", "craft-articles", "evidence-inference-pmc", "hoc-abstracts-tokenised")]
    out = list(HARD)
    while len(out) < count:
        for f in files:
            document = f.readline()
            if document:
                out.extend(strings(json.loads(document)))
    return out[:count]


# What runs under one of the two versions.

def write(out, data):
    """Writes a directory for each of SETTINGS."""
    import torch
    import transformers
    for name, (vocabulary, settings, added) in chosen():
        torch.manual_seed(len(name))
        tokenizer = transformers.BertTokenizerFast.from_pretrained(start(out, name, os.path.join(data, "vocab", vocabulary), settings), **settings)
        tokenizer.add_tokens(added)
        config = transformers.BertConfig(vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=4,
                                         intermediate_size=64, initializer_range=0.1)
        folder = os.path.join(out, name)
        transformers.BertForPreTraining(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)


def start(out, name, vocabulary, settings):
    """A directory that has a vocabulary alone, with the special tokens of settings."""
    folder = os.path.join(out, "start", name)
    os.makedirs(folder)
    names = {"[%s]" % key.split("_")[0].upper(): value for key, value in settings.items() if key.endswith("_token")}
    with open(vocabulary, encoding="utf-8") as f, open(os.path.join(folder, "vocab.txt"), "w", encoding="utf-8") as g:
        g.writelines(names.get(line.rstrip("\n"), line.rstrip("\n")) + "\n" for line in f)
    with open(os.path.join(folder, "config.json"), "w") as g:
        json.dump({"model_type": "bert"}, g)
    return folder


def compute(suffix, text, *folders):
    """Writes the ids of all lines, and the encoder's numbers of the first ones, beside each folder."""
    import numpy
    import torch
    import transformers
    with open(text, encoding="utf-8") as f:
        all_lines = [json.loads(line) for line in f]
    for folder in folders:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
        ids = [tokenizer(line, add_special_tokens=False, verbose=False)["input_ids"] for line in all_lines]
        model, info = transformers.AutoModel.from_pretrained(folder, output_loading_info=True)
        assert not info["missing_keys"] and not info["mismatched_keys"], info
        model.eval()
        hidden = {}
        for i, line in enumerate(all_lines[:40]):
            with torch.no_grad():
                got = model(**tokenizer(line, truncation=True, max_length=128, return_tensors="pt"))
            hidden["%d/hidden" % i] = got.last_hidden_state[0].numpy()
            hidden["%d/pooled" % i] = got.pooler_output[0].numpy()
        numpy.savez(folder + suffix + ".npz", **hidden)
        with open(folder + suffix + ".json", "w") as f:
            json.dump(ids, f)


# What runs the versions and subbert.

def ours(subbert, folder, text, out):
    with open(text, encoding="utf-8") as f:
        all_lines = [json.loads(line) for line in f]
    printed = subprocess.run([subbert, "data", "tokenize", "--vocab", folder], input="".join(line + "\n" for line in all_lines).encode(),
                             stdout=subprocess.PIPE, check=True).stdout
    ids = [json.loads(line)["ids"] for line in printed.split(b"\n")[:-1]]
    with open(out + ".jsonl", "w") as f:
        for i, line in enumerate(all_lines[:40]):
            f.write(json.dumps({"id": str(i), "text": line}) + "\n")
    subprocess.run([subbert, "-q", "--backend", "go", "model", "encode", "--model", folder, out + ".jsonl", "--out", out + ".safetensors", "--layers=-1",
                    "--max-length", "128"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return ids, safetensors(out + ".safetensors")


def safetensors(path):
    with open(path, "rb") as f:
        size = int.from_bytes(f.read(8), "little")
        header = json.loads(f.read(size))
        data = f.read()
    import array
    found = {}
    for name, t in header.items():
        if name.endswith(("/hidden", "/pooled")):
            values = array.array("f")
            values.frombytes(data[t["data_offsets"][0]:t["data_offsets"][1]])
            found[name] = values
    return found


def largest_difference(python, mine, theirs):
    """Compares what subbert computed with an .npz; padding at the end of ours is no matter."""
    code = ("import json,sys,numpy as n; a=json.load(open(sys.argv[1])); b=n.load(sys.argv[2]);"
            "print(max(float(abs(n.array(a[k],dtype='f4')[:b[k].size]-b[k].ravel()).max()) for k in b))")
    with open(theirs + ".ours.json", "w") as f:
        json.dump({k: list(v) for k, v in mine.items()}, f)
    return float(subprocess.run([python, "-c", code, theirs + ".ours.json", theirs + ".npz"], stdout=subprocess.PIPE, check=True).stdout)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--subbert", required=True)
    p.add_argument("--data", required=True)
    p.add_argument("--lines", type=int, default=10000)
    p.add_argument("python", nargs=2)
    args = p.parse_args()
    work = tempfile.mkdtemp()
    text = os.path.join(work, "lines")
    with open(text, "w", encoding="utf-8") as f:
        for line in lines(args.data, args.lines):
            f.write(json.dumps(line) + "\n")
    environment = dict(os.environ, HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", HF_HUB_DISABLE_PROGRESS_BARS="1", TOKENIZERS_PARALLELISM="false")

    def run(python, *arguments):
        subprocess.run([python, os.path.abspath(__file__), *arguments], check=True, env=environment)

    versions = [subprocess.run([python, "-c", "import transformers; print(transformers.__version__)"], stdout=subprocess.PIPE, check=True)
                .stdout.decode().strip() for python in args.python]
    same = True
    for writer, version in zip(args.python, versions):
        folder = os.path.join(work, version)
        run(writer, "--write", folder, args.data)
        folders = {}
        for name, _ in chosen():
            theirs = os.path.join(folder, name)
            subprocess.run([args.subbert, "-q", "model", "convert", theirs, theirs + "-converted", "--to", "safetensors"], check=True, stdout=subprocess.DEVNULL)
            folders[theirs] = "%-18s written by %s" % (name, version)
            folders[theirs + "-converted"] = "%-18s converted from %s" % (name, version)
        for reader, number in zip(args.python, versions):
            run(reader, "--compute", "." + number, text, *folders)
        for directory, what in folders.items():
            ids, mine = ours(args.subbert, directory, text, directory + ".ours")
            for reader, number in zip(args.python, versions):
                with open(directory + "." + number + ".json") as f:
                    other = json.load(f)
                differ = [i for i, (a, b) in enumerate(zip(ids, other)) if a != b]
                largest = largest_difference(reader, mine, directory + "." + number)
                same = same and not differ and len(ids) == len(other) and largest < 1e-5
                print("%-44s read by %s: %d of %d lines differ%s, numbers by %.1e" % (
                    what, number, len(differ), len(ids), " (first %s)" % differ[0] if differ else "", largest), flush=True)
    return 0 if same else 1


if __name__ == "__main__":
    if sys.argv[1] == "--write":
        write(*sys.argv[2:])
    elif sys.argv[1] == "--compute":
        compute(*sys.argv[2:])
    else:
        sys.exit(main())
