"""Reads the output of `subbert model convert` with the original libraries, and reports their warnings.

    subbert model convert checkpoints/testdata/hf OUT/safetensors --to safetensors     (also pytorch, tf1)
    python scripts/check_checkpoints.py torch OUT         with torch==2.8.0 transformers==4.57.1
    python scripts/check_checkpoints.py tensorflow OUT    with tensorflow-cpu==2.19.1

Reading must give no warning, no unused and no new weights, and the numbers of checkpoints/testdata/hf. Exit code 1 if not.
"""

import json
import os
import sys
import warnings

import numpy as np

REFERENCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "checkpoints", "testdata", "hf")


class Complaints:
    """Collects log records and warnings."""

    def __enter__(self):
        import logging
        import transformers
        self.found = []
        self.handler = logging.Handler()
        self.handler.emit = lambda record: self.found.append(record.getMessage())
        logger = transformers.utils.logging.get_logger("transformers")
        transformers.utils.logging.set_verbosity_warning()
        logger.addHandler(self.handler)
        self.caught = warnings.catch_warnings(record=True)
        self.warned = self.caught.__enter__()
        warnings.simplefilter("always")
        return self

    def __exit__(self, *what):
        import transformers
        self.caught.__exit__(*what)
        transformers.utils.logging.get_logger("transformers").removeHandler(self.handler)
        self.found += [str(w.message) for w in self.warned]


def check(what, faults):
    print("%-60s %s" % (what, "ok" if not faults else faults))
    return not faults


def with_torch(out):
    import torch
    import transformers as t
    good = True
    reference = t.BertForPreTraining.from_pretrained(REFERENCE).eval()
    texts = ["the protein Kinase binds A", "gene of Ras (A) in vitro."]
    tokens = t.AutoTokenizer.from_pretrained(REFERENCE)(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        want = reference(**tokens)
    for form in ("safetensors", "pytorch"):
        path = os.path.join(out, form)
        with Complaints() as c:
            model, info = t.AutoModelForPreTraining.from_pretrained(path, output_loading_info=True)
        keys = [v for v in info.values() if v]
        good &= check(form + ": AutoModelForPreTraining", c.found + keys)
        state = model.state_dict()
        differs = [k for k, v in reference.state_dict().items() if not torch.equal(v, state[k])]
        good &= check(form + ": every parameter equal", differs)
        for name in ("AutoModel", "AutoModelForMaskedLM"):
            with Complaints() as c:
                getattr(t, name).from_pretrained(path)
            # These classes lack heads that the checkpoint has, and transformers says so of its own files too.
            with Complaints() as own:
                getattr(t, name).from_pretrained(REFERENCE)
            good &= check(form + ": %s, beyond what it says of its own file" % name,
                          [] if len(c.found) <= len(own.found) else c.found)
        with Complaints() as c:
            fast = t.AutoTokenizer.from_pretrained(path)
            slow = t.BertTokenizer.from_pretrained(path)
        got = fast(texts, padding=True, return_tensors="pt")
        same = all(torch.equal(tokens[k], got[k]) for k in tokens) and slow(texts, padding=True)["input_ids"] == tokens["input_ids"].tolist()
        good &= check(form + ": tokenizers", c.found + ([] if same else ["ids differ"]))
        with torch.no_grad():
            outputs = model.eval()(**got)
        equal = torch.equal(want.prediction_logits, outputs.prediction_logits) and torch.equal(want.seq_relationship_logits, outputs.seq_relationship_logits)
        good &= check(form + ": logits equal", [] if equal else ["they differ"])
    state = torch.load(os.path.join(out, "pytorch", "pytorch_model.bin"), weights_only=True)
    good &= check("pytorch: torch.load(weights_only=True), %d tensors" % len(state), [])
    torch.load(os.path.join(out, "pytorch", "pytorch_model.bin"), weights_only=True, mmap=True)
    good &= check("pytorch: torch.load(mmap=True)", [])
    return good


def with_tensorflow(out):
    import tensorflow as tf
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    from fixtures_checkpoints import google, read_safetensors
    path = os.path.join(out, "tf1")
    prefix = tf.train.latest_checkpoint(path)
    good = check("tf1: tf.train.latest_checkpoint", [] if prefix and prefix.endswith("bert_model.ckpt") else [prefix])
    reader = tf.train.load_checkpoint(prefix)
    want = read_safetensors(os.path.join(REFERENCE, "model.safetensors"))
    differs = []
    for name, value in want.items():
        key, transposed = google(name)
        if not np.array_equal(reader.get_tensor(key), value.T if transposed else value):
            differs.append(key)
    good &= check("tf1: tf.train.load_checkpoint, every variable equal", differs)
    shapes = reader.get_variable_to_shape_map()
    good &= check("tf1: %d variables, no others" % len(shapes), sorted(set(shapes) - {google(n)[0] for n in want}))
    v1 = tf.compat.v1  # as run_pretraining.py starts from a checkpoint
    with tf.Graph().as_default(), v1.Session() as session:
        names = sorted(shapes)
        variables = [v1.get_variable(n, shape=shapes[n]) for n in names]
        v1.train.init_from_checkpoint(prefix, {n: n for n in names})
        session.run(v1.global_variables_initializer())
        values = session.run(variables)
        good &= check("tf1: init_from_checkpoint", [n for n, v in zip(names, values) if not np.array_equal(v, reader.get_tensor(n))])
    with open(os.path.join(path, "bert_config.json")) as f:
        good &= check("tf1: bert_config.json", [] if json.load(f)["hidden_size"] == 8 else ["another model"])
    return good


if __name__ == "__main__":
    sys.exit(0 if {"torch": with_torch, "tensorflow": with_tensorflow}[sys.argv[1]](sys.argv[2]) else 1)
