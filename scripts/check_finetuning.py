"""Fine-tunes one encoder on the same pairs with subbert and with transformers, and compares F1 and wall time.

    python3 -m venv t4 && t4/bin/pip install torch==2.8.0 transformers==4.57.6 numpy==2.2.6
    go build -o subbert ./cmd/subbert
    subbert data relations --from ddi2013 --out ddi/ DDICorpus-2013.zip
    t4/bin/python scripts/check_finetuning.py --subbert ./subbert --backend cpu --model MODEL --train ddi/train.tsv --test ddi/test.tsv

Both use the pooled [CLS], AdamW with bias correction, the same rates, batch size, epochs and lengths, float32, and the same sample
of the rows; seeds differ in order, dropout and the classifier's start. MODEL is a model directory. Prints one JSON object with micro F1
without the negative label for each seed, seconds, and the difference of the means with its 95 % interval (Welch's, over seeds).
Exit code 1 if the interval does not include 0, or if every F1 is 0, since then nothing was compared.
"""

import argparse
import hashlib
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time

NEGATIVE = "false"


def sample(path, count):
    """The header, and count rows of a TSV file that follow from their content."""
    with open(path, encoding="utf-8") as f:
        header, rows = f.readline(), f.readlines()
    rows.sort(key=lambda row: hashlib.sha256(row.encode()).digest())
    return header, rows[:count] if count else rows


def micro(gold, predicted):
    hits = sum(g == p != NEGATIVE for g, p in zip(gold, predicted))
    said, true = sum(p != NEGATIVE for p in predicted), sum(g != NEGATIVE for g in gold)
    return 200.0 * hits / (said + true) if said + true else 0.0


def ours(args, names, folder, train, test):
    config = os.path.join(folder, "run.toml")
    with open(config, "w") as f:
        f.write("""model.init = %s
[data]
train = %s
test = %s
[task]
name = "relation"
pooling = "cls"
batch = %d
sequence = %d
seeds = %d
labels = %s
[optimizer]
name = "adamw"
learning_rate = %g
epsilon = 1e-8
[schedule]
epochs = %d
warmup_fraction = 0.1
[checkpoint]
every_steps = 0
discard = true
[run]
dir = %s
""" % (json.dumps(args.model), json.dumps(train), json.dumps(test), args.batch, args.sequence, args.seeds, json.dumps(names), args.rate, args.epochs, json.dumps(os.path.join(folder, "run"))))
    start = time.time()
    subprocess.run([args.subbert, "--quiet"] + (["--backend", args.backend] if args.backend else []) + ["finetune", config], check=True, stdout=subprocess.DEVNULL)
    seconds = time.time() - start
    scores = []
    for root, _, files in sorted(os.walk(os.path.join(folder, "run"))):
        if "predictions.tsv" in files:
            with open(os.path.join(root, "result.json")) as f:
                scores.append(json.load(f)["micro"]["f1"])
    return scores, seconds


def theirs(args, names, train, test):
    import torch
    import transformers
    torch.set_num_threads(args.threads)
    tokenizer = transformers.AutoTokenizer.from_pretrained(args.model)

    def read(path):
        with open(path, encoding="utf-8") as f:
            next(f)
            rows = [line.rstrip("\n").split("\t") for line in f]
        return [r[1] for r in rows], [r[2] for r in rows]

    texts, labels = read(train)
    test_texts, gold = read(test)
    target = [names.index(n) for n in labels]

    def encode(chosen):
        return tokenizer(chosen, truncation=True, max_length=args.sequence, padding=True, return_tensors="pt")

    scores, start = [], time.time()
    for seed in range(1, args.seeds + 1):
        transformers.set_seed(seed)
        model = transformers.AutoModelForSequenceClassification.from_pretrained(args.model, num_labels=len(names))
        decayed = [p for n, p in model.named_parameters() if "LayerNorm" not in n and not n.endswith("bias")]
        plain = [p for n, p in model.named_parameters() if "LayerNorm" in n or n.endswith("bias")]
        optimizer = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.01}, {"params": plain, "weight_decay": 0.0}], lr=args.rate, eps=1e-8)
        steps = math.ceil(len(texts) / args.batch) * args.epochs
        schedule = transformers.get_linear_schedule_with_warmup(optimizer, steps // 10, steps)
        order = torch.Generator().manual_seed(seed)
        # Batches of like length, in an order of their own, as ours and the Trainer's group_by_length.
        lengths = [len(tokenizer(t, truncation=True, max_length=args.sequence)["input_ids"]) for t in texts]
        model.train()
        for _ in range(args.epochs):
            shuffled = torch.randperm(len(texts), generator=order).tolist()
            pools = [sorted(shuffled[i:i + 50 * args.batch], key=lambda k: lengths[k]) for i in range(0, len(texts), 50 * args.batch)]
            batches = [pool[i:i + args.batch] for pool in pools for i in range(0, len(pool), args.batch)]
            for at in torch.randperm(len(batches), generator=order).tolist():
                chosen = batches[at]
                loss = model(**encode([texts[k] for k in chosen]), labels=torch.tensor([target[k] for k in chosen])).loss
                loss.backward()
                torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                schedule.step()
                optimizer.zero_grad(set_to_none=True)
        model.eval()
        by_length = sorted(range(len(test_texts)), key=lambda k: len(test_texts[k]))
        predicted = [None] * len(test_texts)
        with torch.no_grad():
            for i in range(0, len(by_length), 32):
                chosen = by_length[i:i + 32]
                for k, best in zip(chosen, model(**encode([test_texts[k] for k in chosen])).logits.argmax(-1).tolist()):
                    predicted[k] = names[best]
        scores.append(micro(gold, predicted))
        print("transformers, seed %d: %.1f" % (seed, scores[-1]), file=sys.stderr)
    return scores, time.time() - start


def welch(a, b):
    """The difference of the means of a and b, and the half width of its 95 % interval."""
    va, vb = statistics.variance(a) / len(a), statistics.variance(b) / len(b)
    if va + vb == 0:
        return statistics.mean(a) - statistics.mean(b), 0.0
    freedom = (va + vb) ** 2 / (va ** 2 / (len(a) - 1) + vb ** 2 / (len(b) - 1))
    return statistics.mean(a) - statistics.mean(b), quantile(freedom) * math.sqrt(va + vb)


def quantile(freedom):
    """The 0.975 quantile of Student's distribution, by bisection over its integral."""
    def density(x):
        return math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(freedom * math.pi) * (1 + x * x / freedom) ** (-(freedom + 1) / 2)

    def below(t, n=4000):
        h = t / n
        return 0.5 + h / 3 * sum((1 if i in (0, n) else 4 if i % 2 else 2) * density(i * h) for i in range(n + 1))

    low, high = 0.0, 100.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) < 0.975 else (low, middle)
    return low


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--subbert", default="./subbert")
    parser.add_argument("--backend", default="")
    parser.add_argument("--model", required=True)
    parser.add_argument("--train", required=True)
    parser.add_argument("--test", required=True)
    parser.add_argument("--train-examples", type=int, default=2400)
    parser.add_argument("--test-examples", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--sequence", type=int, default=128)
    parser.add_argument("--rate", type=float, default=3e-5)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    args.model = os.path.abspath(args.model)
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for name, path, count in ("train", args.train, args.train_examples), ("test", args.test, args.test_examples):
            header, rows = sample(path, count)
            paths.append(os.path.join(folder, name + ".tsv"))
            with open(paths[-1], "w", encoding="utf-8") as f:
                f.writelines([header] + rows)
        names = sorted({row.rstrip("\n").split("\t")[2] for row in sample(args.train, 0)[1]})
        our_scores, our_seconds = ours(args, names, folder, *paths)
        print("subbert: %s" % our_scores, file=sys.stderr)
        their_scores, their_seconds = theirs(args, names, *paths)
    difference, half = welch(our_scores, their_scores)
    import torch
    import transformers
    print(json.dumps({
        "train": args.train_examples, "test": args.test_examples, "epochs": args.epochs, "batch": args.batch, "sequence": args.sequence, "learning_rate": args.rate,
        "subbert": {"f1": our_scores, "seconds": round(our_seconds, 1)},
        "transformers": {"f1": their_scores, "seconds": round(their_seconds, 1), "torch": torch.__version__, "version": transformers.__version__},
        "difference": {"mean": difference, "low": difference - half, "high": difference + half},
    }, indent=2))
    if not any(our_scores + their_scores):
        sys.exit("every F1 is 0, so nothing is compared: take more training pairs (--train-examples) or more epochs")
    if abs(difference) > half:
        sys.exit(1)


if __name__ == "__main__":
    main()
