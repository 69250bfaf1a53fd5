#!/usr/bin/env python3
"""Compares subbert's speed on a processor with PyTorch's and ONNX Runtime's, in turn, and prints a table.

    python3 -m venv peers && peers/bin/pip install torch==2.15.0 transformers==5.24.0 onnxruntime==1.32.0 onnx==1.23.2 onnxscript==0.7.2 numpy==2.4.6
    go build -o subbert ./cmd/subbert && ./subbert backend install cpu
    ./subbert data relations --from ddi2013 --out ddi/ DDICorpus-2013.zip
    ./subbert data shard --uncased --vocab MODEL/vocab.txt --out shards/ TEXTS
    peers/bin/python scripts/against_peers.py --subbert ./subbert --model MODEL --train ddi/train.tsv --test ddi/test.tsv --shards shards/ --out table.json

MODEL is a small BERT as a transformers directory, such as MiniLM-L6. Four measures, --pairs times each, ours and the peer's one after the other:

    step      a pre-training step of BERT-base, 8 rows of 128, dropout 0.1, AdamW, clipping; float32 and bfloat16
    finetune  an epoch of fine-tuning MODEL on --examples rows of TRAIN, batches of 32 rows of like length, float32 and bfloat16; our rows
              are padded to the lengths that a run of 3 epochs over all 27,792 training pairs of DDI chooses, torch's to the longest of the
              batch; ours take a second epoch, so that each length has a step that does not read its program
    predict   rows of TEST per second with the fine-tuned model, tokenizing included, batches of 32 by length; float32, and ours in bfloat16
    start     seconds that a first and a second fine-tuning spend on compiling, before and beside their steps, and on the first step

torch runs eagerly with scaled dot product attention; in bfloat16 under autocast. Starting, loading and compiling are not counted: ours are
taken from metrics.jsonl of a second start, and from the difference between predicting many and few rows. A ratio is the peer's time over
ours, of a pair; the table has the median and the extremes. --out stores the measurements, and a stopped run continues from it.
"""
import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time

BATCH, SEQUENCE = 32, 128
LENGTHS = [*range(24, 105, 8), 128]  # that a fine-tuning on DDI for 3 epochs chooses; one of a minute chooses fewer


def rows(path):
    with open(path, encoding="utf-8") as f:
        next(f)
        return [line.rstrip("\n").split("\t")[1:3] for line in f]


class Ours:
    """The command, with a cache of compiled programs and a working directory of its own."""

    def __init__(self, args):
        self.args, self.folder = args, os.path.abspath(args.work)
        os.makedirs(self.folder, exist_ok=True)
        self.environment = dict(os.environ, XDG_CACHE_HOME=os.path.join(self.folder, "cache"))

    def run(self, *words):
        start = time.perf_counter()
        done = subprocess.run([self.args.subbert, "--backend", self.args.backend, *words], env=self.environment, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(done.stderr)
        return time.perf_counter() - start

    def compiling(self, run):
        """Seconds that a run spent on compiling programs, or on reading them from the cache."""
        with open(os.path.join(self.folder, run, "result.json")) as f:
            return json.load(f)["compile_seconds"]

    def train(self, verb, name, text, precision):
        """Trains by a config; returns the lines of its metrics, one a step, without those of held-out texts."""
        run = os.path.join(self.folder, name)
        shutil.rmtree(run, ignore_errors=True)
        config = os.path.join(self.folder, name + ".toml")
        with open(config, "w") as f:
            f.write(text + '[device]\nprecision = "%s"\n[run]\ndir = %s\n' % (precision, json.dumps(run)))
        seconds = self.run(verb, config)
        with open(os.path.join(run, "metrics.jsonl")) as f:
            return [line for line in map(json.loads, f) if "compute_seconds" in line], seconds

    def step(self, precision):
        base = os.path.join(self.folder, "base.json")
        with open(base, "w") as f:
            json.dump({"model_type": "bert", "vocab_size": 30522, "hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
                       "intermediate_size": 3072, "hidden_act": "gelu", "hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1,
                       "max_position_embeddings": 512, "type_vocab_size": 2, "layer_norm_eps": 1e-12}, f)
        folder = os.path.join(self.folder, "base")
        os.makedirs(folder, exist_ok=True)
        shutil.copy(base, os.path.join(folder, "config.json"))
        shutil.copy(os.path.join(self.args.model, "vocab.txt"), folder)
        lines, _ = self.train("pretrain", "step-" + precision, """[model]
init = %s
fresh = "all"
[data]
shards = %s
[task]
name = "pretraining"
batch = 8
sequence = 128
[schedule]
steps = 9
[optimizer]
name = "adamw"
[checkpoint]
every_steps = 0
discard = true
[record]
every_steps = 1
""" % (json.dumps(folder), json.dumps(os.path.abspath(self.args.shards))), precision)
        return statistics.median(line["compute_seconds"] for line in lines[3:])

    def finetune(self, precision, discard=True, lengths=LENGTHS):
        lines, _ = self.train("finetune", "finetune-" + precision, """[model]
init = %s
[data]
train = %s
test = %s
[task]
name = "relation"
pooling = "cls"
batch = %d
sequence = %d
%s
[schedule]
epochs = %d
[optimizer]
learning_rate = 5e-5
[checkpoint]
every_steps = 0
discard = %s
[record]
every_steps = 1
""" % (json.dumps(os.path.abspath(self.args.model)), json.dumps(self.sample), json.dumps(self.few), BATCH, SEQUENCE, "lengths = %s" % lengths if lengths else "", 2 if lengths else 1, json.dumps(discard)), precision)
        # The first step of a width reads a program: it counts as much as the others of its width.
        by_width, tokens = {}, 0
        for line in lines:
            by_width.setdefault(line["tokens"] - tokens, []).append(line["compute_seconds"])
            tokens = line["tokens"]
        return sum(len(s) * statistics.median(s[1:] or s) for s in by_width.values()) / len(lines)

    def predict(self, precision):
        out = os.path.join(self.folder, "predictions.tsv")
        model = os.path.join(self.folder, "finetune-float32", "model")
        times = [self.run("predict", model, path, "--precision", precision, "--out", out, "--force") for path in (self.few, self.many)]
        return (self.args.predicted - self.args.few) / (times[1] - times[0])


class Torch:
    def __init__(self, args, train, test, names):
        import torch
        import transformers
        self.args, self.torch, self.transformers = args, torch, transformers
        torch.set_num_threads(args.threads)
        self.train_rows, self.test_rows, self.names = train, test, names
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(args.model)

    def autocast(self, precision):
        return self.torch.autocast("cpu", dtype=self.torch.bfloat16, enabled=precision == "bfloat16")

    def step(self, precision):
        sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
        from torch_step import Pretraining
        torch = self.torch
        config = self.transformers.BertConfig(vocab_size=30522)
        model = Pretraining(config).train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01)
        b, s, p = 8, 128, 20
        batch = (torch.randint(0, 30522, (b, s)), torch.randint(0, 2, (b, s)), torch.ones(b, s, dtype=torch.long),
                 torch.randint(0, s, (b, p)), torch.randint(0, 30522, (b, p)), torch.randint(0, 2, (b,)))
        seconds = []
        for _ in range(9):
            start = time.perf_counter()
            optimizer.zero_grad(set_to_none=True)
            with self.autocast(precision):
                loss = model(*batch)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            loss.item()
            seconds.append(time.perf_counter() - start)
        return statistics.median(seconds[3:])

    def encode(self, texts):
        return self.tokenizer(texts, truncation=True, max_length=SEQUENCE, padding=True, return_tensors="pt")

    def batches(self, texts):
        lengths = self.tokenizer(texts, truncation=True, max_length=SEQUENCE)["input_ids"]
        order = sorted(range(len(texts)), key=lambda k: len(lengths[k]))
        return [order[i:i + BATCH] for i in range(0, len(order), BATCH)]

    def finetune(self, precision):
        torch = self.torch
        model = self.transformers.AutoModelForSequenceClassification.from_pretrained(self.args.model, num_labels=len(self.names), attn_implementation="sdpa").train()
        optimizer = torch.optim.AdamW(model.parameters(), lr=5e-5, weight_decay=0.01)
        texts = [text for text, _ in self.train_rows]
        seconds, batches = [], self.batches(texts)
        for chosen in batches[:1] + batches:  # the first one twice: the first step is slow
            inputs, labels = self.encode([texts[k] for k in chosen]), torch.tensor([self.names.index(self.train_rows[k][1]) for k in chosen])
            start = time.perf_counter()
            with self.autocast(precision):
                loss = model(**inputs, labels=labels).loss
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            loss.item()
            seconds.append(time.perf_counter() - start)
        return sum(seconds[1:]) / len(seconds[1:])

    def predict(self, directory):
        torch = self.torch
        model = self.transformers.AutoModelForSequenceClassification.from_pretrained(directory, attn_implementation="sdpa").eval()
        return self.apply(lambda inputs: torch.softmax(model(**inputs).logits, -1).numpy())

    def apply(self, compute):
        """Rows per second with tokenizing, after a warm-up."""
        texts = [text for text, _ in self.test_rows]
        with self.torch.inference_mode():
            compute(self.encode(texts[:BATCH]))
            start = time.perf_counter()
            for chosen in self.batches(texts):
                compute(self.encode([texts[k] for k in chosen]))
        return len(texts) / (time.perf_counter() - start)


class Onnx:
    """The same model exported to ONNX, with every optimization that ONNX Runtime does by itself."""

    def __init__(self, peer, directory, folder):
        import onnxruntime
        self.peer, torch = peer, peer.torch
        path = os.path.join(folder, "model.onnx")
        model = peer.transformers.AutoModelForSequenceClassification.from_pretrained(directory, attn_implementation="eager").eval()
        example = peer.encode([text for text, _ in peer.test_rows[:2]])
        names = ["input_ids", "attention_mask", "token_type_ids"]

        class Logits(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.model = model

            def forward(self, ids, mask, types):
                return self.model(input_ids=ids, attention_mask=mask, token_type_ids=types).logits

        batch, length = torch.export.Dim("batch"), torch.export.Dim("length")
        torch.onnx.export(Logits().eval(), tuple(example[n] for n in names), path, input_names=names, output_names=["logits"], dynamo=True,
                          dynamic_shapes=tuple({0: batch, 1: length} for _ in names))
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = peer.args.threads
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.session, self.names = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]), names
        want = model(**example).logits.detach().numpy()
        if abs(self.session.run(None, {n: example[n].numpy() for n in names})[0] - want).max() > 1e-4:
            sys.exit("the exported model computes something else")

    def predict(self):
        return self.peer.apply(lambda inputs: self.session.run(None, {n: inputs[n].numpy() for n in self.names}))


def machine():
    with open("/proc/cpuinfo") as f:
        text = f.read()
    flags = re.search(r"^flags\s*:(.*)$", text, re.M).group(1).split()
    name, family, model = (re.search(r"^%s\s*:\s*(.*)$" % key, text, re.M).group(1) for key in ("model name", "cpu family", "model"))
    return {"processor": "%s family %s model %s" % (name, family, model), "system": platform.platform(),
            "instructions": [n for n in ("avx2", "avx512f", "avx512_bf16", "amx_bf16", "amx_tile") if n in flags]}


def write(path, content):
    with open(path + ".new", "w") as f:
        json.dump(content, f, indent=1)
    os.replace(path + ".new", path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--subbert", default="./subbert")
    parser.add_argument("--backend", default="cpu")
    for name in ("model", "train", "test", "shards", "out"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--work", default="against-peers")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--examples", type=int, default=1500)
    parser.add_argument("--few", type=int, default=320)
    parser.add_argument("--predicted", type=int, default=2240)
    args = parser.parse_args()
    args.subbert, args.model = os.path.abspath(args.subbert), os.path.abspath(args.model)

    ours = Ours(args)
    train, test = rows(args.train), rows(args.test)
    stride, every = len(train) // args.examples, len(test) // args.predicted
    train, test = train[::stride][:args.examples], test[::every][:args.predicted]
    names = sorted({label for _, label in train})
    for name, chosen in ("sample", train), ("many", test), ("few", test[::args.predicted // args.few][:args.few]):
        path = os.path.join(ours.folder, name + ".tsv")
        setattr(ours, name, path)
        with open(path, "w", encoding="utf-8") as f:
            f.write("index\tsentence\tlabel\n")
            f.writelines("%d\t%s\t%s\n" % (i, text, label) for i, (text, label) in enumerate(chosen))
    test = rows(ours.many)
    peer = Torch(args, train, test, names)

    done = {"measured": {}}
    if os.path.exists(args.out):
        with open(args.out) as f:
            done = json.load(f)
    import onnxruntime
    version = subprocess.run([args.subbert, "--version"], capture_output=True, text=True, check=True).stdout.strip().splitlines()
    done.update(machine=machine(), versions={"subbert": version, "torch": peer.torch.__version__, "transformers": peer.transformers.__version__,
                                             "onnxruntime": onnxruntime.__version__}, threads=args.threads, rows=args.examples, predicted=args.predicted)
    measured = done["measured"]

    def record(name, seconds):
        measured.setdefault(name, []).append(seconds)
        write(args.out, done)
        print("%-28s %s" % (name, " ".join("%.3f" % s for s in seconds)), file=sys.stderr, flush=True)

    if "start" not in measured:
        shutil.rmtree(os.path.join(ours.folder, "cache"), ignore_errors=True)
        for _ in range(2):
            ours.finetune("float32", discard=False, lengths=None)
            record("start", [ours.compiling("finetune-float32"), first_step(os.path.join(ours.folder, "finetune-float32"))])
    model = os.path.join(ours.folder, "finetune-float32", "model")
    if not os.path.exists(model):
        ours.finetune("float32", discard=False, lengths=None)
    kept = os.path.join(ours.folder, "kept")
    if not os.path.exists(kept):
        shutil.copytree(os.path.join(ours.folder, "finetune-float32"), kept)
    exported = Onnx(peer, os.path.join(kept, "model"), ours.folder)

    for precision in "float32", "bfloat16":  # warm: compiled programs are read from the cache below
        for name in "step", "finetune":
            if len(measured.get(name + " " + precision, [])) < args.pairs:
                getattr(ours, name)(precision)
    for _ in range(args.pairs):
        for precision in "float32", "bfloat16":
            for name in "step", "finetune":
                if len(measured.get(name + " " + precision, [])) < args.pairs:
                    record(name + " " + precision, [getattr(peer, name)(precision), getattr(ours, name)(precision)])
    shutil.rmtree(os.path.join(ours.folder, "finetune-float32"), ignore_errors=True)
    shutil.copytree(kept, os.path.join(ours.folder, "finetune-float32"))
    if len(measured.get("predict", [])) < args.pairs:
        ours.predict("float32"), ours.predict("bfloat16")
    while len(measured.get("predict", [])) < args.pairs:
        record("predict", [peer.predict(os.path.join(kept, "model")), exported.predict(), ours.predict("float32"), ours.predict("bfloat16")])
    print_table(done)


def first_step(run):
    """Seconds of the first step, which wait for a program."""
    with open(os.path.join(run, "metrics.jsonl")) as f:
        return json.loads(f.readline())["compute_seconds"]


def print_table(done):
    measured = done["measured"]

    def ratio(values):
        return "%.2f (%.2f to %.2f)" % (statistics.median(values), min(values), max(values))

    def middle(pairs, i, form="%.2f"):
        return form % statistics.median(p[i] for p in pairs)

    print("%s (%s), %d threads; %s, torch %s, onnxruntime %s\n" % (done["machine"]["processor"], ", ".join(done["machine"]["instructions"]), done["threads"],
                                                                 done["versions"]["subbert"][0], done["versions"]["torch"], done["versions"]["onnxruntime"]))
    print("| measure | peer | ours | peer / ours |\n| --- | --- | --- | --- |")
    for name, title in ("step", "BERT-base step, s"), ("finetune", "fine-tuning step of 32 rows by length, s"):
        for precision in "float32", "bfloat16":
            pairs = measured[name + " " + precision]
            print("| %s, %s | %s | %s | %s |" % (title, precision, middle(pairs, 0), middle(pairs, 1), ratio([a / b for a, b in pairs])))
    rates = measured["predict"]
    print("| prediction, rows/s, torch | %s | %s | %s |" % (middle(rates, 0, "%.0f"), middle(rates, 2, "%.0f"), ratio([p[2] / p[0] for p in rates])))
    print("| prediction, rows/s, ONNX Runtime | %s | %s | %s |" % (middle(rates, 1, "%.0f"), middle(rates, 2, "%.0f"), ratio([p[2] / p[1] for p in rates])))
    print("| prediction in bfloat16 against the better of both | %s | %s | %s |" % (
        "%.0f" % statistics.median(max(p[:2]) for p in rates), middle(rates, 3, "%.0f"), ratio([p[3] / max(p[:2]) for p in rates])))
    for i, title in enumerate(["compiling in all", "first step"]):
        print("| a first and a second fine-tuning, %s, s | | %s | |" % (title, ", ".join("%.1f" % s[i] for s in measured["start"])))


if __name__ == "__main__":
    main()
