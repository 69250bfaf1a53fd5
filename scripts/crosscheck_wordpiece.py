"""Compares `subbert data tokenize` with the Python and Rust tokenizers on real and random lines.

    pip install transformers==4.57.1 tokenizers==0.22.1 unicodedata2==15.0.0
    go build -o subbert ./cmd/subbert
    python scripts/crosscheck_wordpiece.py --subbert ./subbert --vocab VOCAB.txt [--uncased] [--limit 200] \\
        [--random 100000] [--google tokenization.py] [FILE.jsonl[.xz] ...]

Real lines are the strings in the JSON files, cut at newlines. With --google, a file of google-research/bert is run as well, to
check the reference itself. Exit code 1 if a line differs from Google's rules; differences from Hugging Face's two are
counted and one of each kind is shown.
"""

import argparse
import importlib.util
import json
import lzma
import random
import subprocess
import sys
import types
import unicodedata

import unicodedata2
from fixtures_wordpiece import SEED, is_newer, text
from wordpiece_reference import google, huggingface, load_vocabulary, rust, versions


def strings(value):
    if isinstance(value, str):
        yield from value.split("\n")
    elif isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for v in value:
            yield from strings(v)


def real_lines(path, count):
    with lzma.open(path, "rt", encoding="utf-8") if path.endswith(".xz") else open(path, encoding="utf-8") as f:
        for line in f:
            for s in strings(json.loads(line)):
                if count == 0:
                    return
                count -= 1
                yield s


def random_lines(vocab, count):
    rng = random.Random(SEED)
    tokens = list(vocab)
    for _ in range(count):
        if rng.random() < 0.2:  # code points anywhere
            n = rng.randint(1, 12)
            s = "".join(chr(rng.choice([rng.randrange(0x250), rng.randrange(0x3000), rng.randrange(0x20000), rng.randrange(0x110000)])) for _ in range(n))
            s = s.encode("utf-8", "ignore").decode()
        else:
            s = text(rng, tokens)
        # str.lower of this Python knows the sigma rule of an older Unicode, see fixtures_wordpiece.py
        yield "".join(c for c in s if not is_newer(c)).replace("\n", " ")


def original(path, vocab, lower, limit):
    """Google's own code, without TensorFlow, on the Unicode edition of the reference."""
    sys.modules["tensorflow"] = types.ModuleType("tensorflow")
    sys.modules["six"] = types.SimpleNamespace(PY3=True, PY2=False)
    saved, sys.modules["unicodedata"] = unicodedata, unicodedata2
    spec = importlib.util.spec_from_file_location("google_tokenization", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules["unicodedata"] = saved
    basic = module.BasicTokenizer(do_lower_case=lower)
    piece = module.WordpieceTokenizer(vocab=vocab, max_input_chars_per_word=limit)
    return lambda t: [p for word in basic.tokenize(t) for p in piece.tokenize(word)]


def ours(args, lines):
    command = [args.subbert, "data", "tokenize", "--vocab", args.vocab, "--max-word-chars", str(args.limit)]
    command += ["--uncased"] if args.uncased else []
    out = subprocess.run(command, input="\n".join(lines).encode() + b"\n", stdout=subprocess.PIPE, check=True).stdout
    return [json.loads(line) for line in out.split(b"\n")[:-1]]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--subbert", required=True)
    parser.add_argument("--vocab", required=True)
    parser.add_argument("--uncased", action="store_true")
    parser.add_argument("--limit", type=int, default=200)
    parser.add_argument("--random", type=int, default=100_000)
    parser.add_argument("--real", type=int, default=100_000)
    parser.add_argument("--google")
    parser.add_argument("files", nargs="*")
    args = parser.parse_args()
    versions()
    vocab = load_vocabulary(args.vocab)
    lines = list(random_lines(vocab, args.random))
    for path in args.files:
        lines += real_lines(path, args.real)
    got = ours(args, lines)
    if len(got) != len(lines):
        raise SystemExit(f"{len(got)} lines out, {len(lines)} in")
    references = {"google's rules": google(vocab, args.uncased, args.limit), "transformers": huggingface(vocab, args.uncased, args.limit),
                  "tokenizers": rust(vocab, args.uncased, args.limit)}  # fmt: skip
    if args.google:
        references["google's code"] = original(args.google, vocab, args.uncased, args.limit)
    failed = False
    for name, tokenize in references.items():
        counts, example = {"random": 0, "real": 0}, {}
        for i, (line, ids) in enumerate(zip(lines, got)):
            tokens = tokenize(line)
            if tokens != ids["tokens"] or [vocab[t] for t in tokens] != ids["ids"]:
                kind = "random" if i < args.random else "real"
                counts[kind] += 1
                if kind not in example or len(line) < len(example[kind][0]):
                    example[kind] = (line, tokens, ids["tokens"])
        print(f"{name}: {counts['random']} of {args.random} random and {counts['real']} of {len(lines) - args.random} real lines differ")
        for line, want, have in example.values():
            print(f"  {ascii(line)[:300]}\n    theirs {ascii(want)[:300]}\n    ours   {ascii(have)[:300]}")
        failed |= name.startswith("google") and sum(counts.values()) > 0
    sys.exit(failed)


if __name__ == "__main__":
    main()
