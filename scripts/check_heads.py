"""Checks that transformers 4 and 5, with the Python file in a model directory, give the probabilities of subbert's relation classifiers.

    python3 -m venv t4 && t4/bin/pip install torch==2.8.0 transformers==4.57.6 numpy==2.2.6
    python3 -m venv t5 && t5/bin/pip install torch==2.8.0 transformers==5.24.0 numpy==2.2.6
    go build -o subbert ./cmd/subbert
    python3 scripts/check_heads.py --subbert ./subbert t4/bin/python t5/bin/python

For every pooling, both values of sll_mask and with_cls, and the rest of the settings: fine-tunes a small BERT, applies it to sentences of one to
more tokens than a row has, and compares the probabilities, in batches padded and one by one. Without trust the directory must
load as the encoder only. Exit code 1 if a probability differs by more than 1e-6.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile

WORDS = "the of and in binds inhibits effect dose response protein drug cell cells was not with strongly level serum kinase growth".split()
MARKS = ["@GENE$", "@DRUG$"]
SEQUENCE = 24


def heads():
    """Settings of [task] to try."""
    yield "cls", {"pooling": "cls"}
    yield "cls_raw", {"pooling": "cls_raw"}
    yield "cls_raw of layers", {"pooling": "cls_raw", "layers": [-1, 1, 0]}
    for pooling in ("mean", "mention", "attention", "lstm", "bilstm"):
        for mask in ("tokens", "positions"):
            for with_cls in (True, False):
                yield "%s, %s%s" % (pooling, mask, ", with [CLS]" if with_cls else ""), {"pooling": pooling, "sll_mask": mask, "with_cls": with_cls}
    yield "lstm, hard sigmoid", {"pooling": "lstm", "hard_sigmoid": True}
    yield "bilstm, hard sigmoid, positions", {"pooling": "bilstm", "hard_sigmoid": True, "sll_mask": "positions", "with_cls": False}
    yield "mention, full padding", {"pooling": "mention", "padding": "full"}


def sentences(rng, count):
    for i in range(count):
        n = rng.choice([2, 3, 5, 8, 13, 20, 26, 40])
        words = [rng.choice(WORDS) for _ in range(n)]
        a, b = sorted(rng.sample(range(n), 2))
        first, second = rng.sample(MARKS, 2)
        words[a], words[b] = first, second
        yield " ".join(words) + rng.choice([".", ""]), ["no", "yes", "maybe"][(a + b + (first == MARKS[0])) % 3]


def write_model(folder):
    """A small BERT of random weights, in Python's words: only json and struct."""
    import torch
    import transformers
    os.makedirs(folder)
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "@", "$", ".", "GE", "##NE", "DR", "##UG"] + WORDS
    with open(os.path.join(folder, "vocab.txt"), "w") as f:
        f.write("".join(t + "\n" for t in tokens))
    torch.manual_seed(1)
    config = transformers.BertConfig(vocab_size=len(tokens), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
                                     max_position_embeddings=48, initializer_range=0.3)
    transformers.BertModel(config).save_pretrained(folder)


def probabilities(work):
    """Compares every model below work with its predictions."""
    import torch
    import transformers
    from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer
    largest, encoders = {}, 0
    for name in sorted(os.listdir(work)):
        folder = os.path.join(work, name, "model")
        tokenizer = AutoTokenizer.from_pretrained(folder)
        with open(os.path.join(folder, "config.json")) as f:
            config = json.load(f)
        custom = "auto_map" in config
        assert config["architectures"] == (["BertModel"] if custom else ["BertForSequenceClassification"]), config["architectures"]
        assert custom == os.path.exists(os.path.join(folder, "modeling_subbert.py")) and custom == (config["subbert"]["pooling"] != "cls")
        model, info = AutoModelForSequenceClassification.from_pretrained(folder, trust_remote_code=custom, output_loading_info=True)
        assert not info["missing_keys"] and not info["unexpected_keys"] and not info["mismatched_keys"], info
        model.eval()
        if custom:
            encoder, info = AutoModel.from_pretrained(folder, output_loading_info=True)
            assert type(encoder).__name__ == "BertModel" and all(k.startswith("pooler.") for k in info["missing_keys"]), info
            encoders += 1
        with open(os.path.join(work, name, "predicted.jsonl")) as f:
            rows = [json.loads(line) for line in f]
        worst = 0.0
        for at in list(range(0, len(rows), 16)) + [None]:
            batch = rows[at:at + 16] if at is not None else rows[:1]
            inputs = tokenizer([r["sentence"] for r in batch], truncation=True, max_length=config["subbert"]["sequence"], padding=True, return_tensors="pt")
            extra = {}
            if config["subbert"]["pooling"] == "mention":
                extra["mention_positions"] = torch.tensor([[tokens(inputs, i, r["sentence"], r[m]["text"]) for m in "ab"] for i, r in enumerate(batch)])
            with torch.no_grad():
                got = model(**inputs, **extra).logits.softmax(-1)
            for i, r in enumerate(batch):
                for label, p in r["probabilities"].items():
                    worst = max(worst, abs(p - got[i, model.config.label2id[label]].item()))
        largest[name] = worst
    print(json.dumps({"version": transformers.__version__, "largest": largest, "encoders": encoders}))


def tokens(inputs, row, sentence, mark):
    """As README.md of such a model has it."""
    start = sentence.index(mark)
    first, last = inputs.char_to_token(row, start), inputs.char_to_token(row, start + len(mark) - 1)
    return [0, 0] if first is None or last is None else [first, last + 1]


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--subbert", required=True)
    p.add_argument("python", nargs=2)
    args = p.parse_args()
    work = tempfile.mkdtemp()
    environment = dict(os.environ, HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error", HF_HUB_DISABLE_PROGRESS_BARS="1", HF_HOME=os.path.join(work, "home"))
    init, runs = os.path.join(work, "init"), os.path.join(work, "runs")
    subprocess.run([args.python[0], os.path.abspath(__file__), "--model", init], check=True, env=environment)
    rng = random.Random(3)
    for name, count in (("train", 64), ("test", 200)):
        with open(os.path.join(work, name + ".tsv"), "w") as f:
            f.write("".join("%s\t%s\n" % s for s in sentences(rng, count)))
    for name, settings in heads():
        folder = os.path.join(runs, name)
        os.makedirs(folder)
        values = dict(name="relation", batch=16, sequence=SEQUENCE, negative="no", **settings)
        with open(os.path.join(folder, "run.toml"), "w") as f:
            f.write('[model]\ninit = "%s"\n[data]\ntrain = "%s/train.tsv"\n[task]\n' % (init, work))
            f.writelines("%s = %s\n" % (k, json.dumps(v)) for k, v in values.items())
            f.write('[optimizer]\nlearning_rate = 5e-3\n[schedule]\nepochs = 3\n[run]\ndir = "%s"\n' % os.path.join(folder, "run"))
        run = [args.subbert, "-q", "--backend", "go"]
        for command in (["finetune", os.path.join(folder, "run.toml")],
                        ["predict", os.path.join(folder, "run", "model"), os.path.join(work, "test.tsv"), "--out", os.path.join(folder, "predicted.jsonl"), "--to", "jsonl"]):
            done = subprocess.run(run + command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            if done.returncode:
                sys.exit("%s: %s" % (name, done.stdout.decode()))
        os.rename(os.path.join(folder, "run", "model"), os.path.join(folder, "model"))
    results = []
    for python in args.python:
        out = subprocess.run([python, os.path.abspath(__file__), "--probabilities", runs], check=True, env=environment, stdout=subprocess.PIPE).stdout
        results.append(json.loads(out.decode().splitlines()[-1]))
    print("%-40s %s" % ("largest difference of a probability", "  ".join(r["version"] for r in results)))
    for name in results[0]["largest"]:
        print("%-40s %s" % (name, "  ".join("%.1e" % r["largest"][name] for r in results)))
    print("directories that load as the encoder only without trust: %s" % ", ".join(str(r["encoders"]) for r in results))
    return 0 if all(v < 1e-6 for r in results for v in r["largest"].values()) else 1


if __name__ == "__main__":
    if sys.argv[1] == "--model":
        write_model(sys.argv[2])
    elif sys.argv[1] == "--probabilities":
        probabilities(sys.argv[2])
    else:
        sys.exit(main())
