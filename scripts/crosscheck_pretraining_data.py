"""Counts the output of Google's create_pretraining_data.py on a made-up corpus, as the reference for data/instances.

The scripts run as published and are not copied here. Only their TensorFlow import, which the functions called
do not use, is replaced by an empty object.

    pip download --no-deps bert-tensorflow==1.0.4 tf-models-official==2.19.1
    unzip -d google bert_tensorflow-1.0.4-*.whl
    unzip -d google tf_models_official-2.19.1-*.whl official/nlp/data/create_pretraining_data.py
    python crosscheck_pretraining_data.py google data/instances/testdata/google_rates.json

Sub-word masking follows google-research/bert (bert-tensorflow), whole-word masking the model garden.
"""

import importlib.util
import json
import random
import sys
from unittest import mock

DOCUMENTS, VOCABULARY, DUPLICATES, SEED = 4000, 3000, 3, 12345


class Stream:
    """A 64-bit linear congruential generator, so that Go can make the same corpus."""

    def __init__(self, state):
        self.state = state

    def below(self, n):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 33) % n


def corpus():
    """Documents of sentences of pieces; every second piece of the vocabulary continues a word."""
    stream = Stream(1)
    return [[[piece(5 + stream.below(VOCABULARY - 5)) for _ in range(1 + stream.below(60))]
             for _ in range(1 + stream.below(14))] for _ in range(DOCUMENTS)]


def piece(i):
    return f"##{i}" if i % 2 else f"{i}"


def load(path):
    """Imports one of the scripts with nothing behind its imports of TensorFlow and of absl."""
    fakes = {name: mock.MagicMock() for name in
             ["tensorflow", "tensorflow.compat", "tensorflow.compat.v1", "tf_keras", "absl", "bert", "bert.tokenization", "official", "official.nlp", "official.nlp.tools"]}
    with mock.patch.dict(sys.modules, fakes):
        spec = importlib.util.spec_from_file_location("script", path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
    return module


def count(script, **options):
    documents, rng = corpus(), random.Random(SEED)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [piece(i) for i in range(5, VOCABULARY)]
    rng.shuffle(documents)
    out = dict(instances=0, tokens=0, masked=0, mask=0, kept=0, random=0, random_next=0, segment_a=0, full=0)
    for _ in range(DUPLICATES):
        for i in range(len(documents)):
            for x in script.create_instances_from_document(documents, i, 128, 0.1, 0.15, 20, vocabulary, rng, **options):
                out["instances"] += 1
                out["tokens"] += len(x.tokens)
                out["random_next"] += bool(x.is_random_next)
                out["segment_a"] += x.segment_ids.count(0) - 2
                out["full"] += len(x.tokens) == 128
                for at, label in zip(x.masked_lm_positions, x.masked_lm_labels):
                    out["masked"] += 1
                    kind = {"[MASK]": "mask", label: "kept"}.get(x.tokens[at], "random")
                    out[kind] += 1
    return out


def main():
    google, target = sys.argv[1:]
    subword = count(load(google + "/bert/create_pretraining_data.py"))
    whole = count(load(google + "/official/nlp/data/create_pretraining_data.py"), do_whole_word_mask=True)
    text = dict(made_by="scripts/crosscheck_pretraining_data.py, bert-tensorflow 1.0.4, tf-models-official 2.19.1, Python %d.%d" % sys.version_info[:2],
                documents=DOCUMENTS, vocabulary=VOCABULARY, duplicates=DUPLICATES, subword=subword, whole_word=whole)
    with open(target, "w") as f:
        json.dump(text, f, indent=1)
        f.write("\n")
    print(json.dumps(text, indent=1))


main()
