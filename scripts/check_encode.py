"""Compares what `subbert model encode` wrote with what transformers computes, tensor by tensor.

    subbert model encode --model MODEL --attentions --heads --tokens IN.jsonl --out OUT.safetensors
    python scripts/check_encode.py MODEL IN.jsonl OUT.safetensors [TOLERANCE]   with torch==2.8.0 transformers==4.57.1
    python scripts/check_encode.py --fixture                                    makes tasks/encoding/testdata/expected.safetensors

The first form tokenises the texts itself, pads them to the same length, and prints for each kind of tensor the largest
difference, relative to the largest number of the same tensor; positions of padding are left out. Exit code 1 if one is above the
tolerance (1e-5), or ids or pieces differ. Texts that were cut are not compared. The fixture is the nano model of checkpoints/testdata/hf on
tasks/encoding/testdata/in.jsonl; the Go test only reads it.
"""

import json
import os
import sys

import numpy as np
import torch
import transformers
from safetensors import safe_open
from safetensors.numpy import save_file

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")


def read(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f if line.strip()]


def inputs(tokenizer, record, length):
    """The record's ids, token types and mask, padded to length."""
    if "input_ids" in record:
        ids = record["input_ids"]
        types = record.get("token_type_ids", [0] * len(ids))
        mask = record.get("attention_mask", [1] * len(ids))
    else:
        t = tokenizer(record["text"], record.get("text_b"))
        ids, types, mask = t["input_ids"], t["token_type_ids"], t["attention_mask"]
    if length is None:
        return len(ids)
    pad = length - len(ids)
    return (ids + [tokenizer.pad_token_id] * pad, types + [0] * pad, mask + [0] * pad), len(ids)


def compute(path, records, length=None):
    """Yields a record, its own length, and its tensors as transformers computes them."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(path)
    architecture = json.load(open(os.path.join(path, "config.json")))["architectures"][0]
    model = getattr(transformers, architecture).from_pretrained(path, attn_implementation="eager").eval()
    encoder = model if architecture == "BertModel" else model.bert
    length = length or max(inputs(tokenizer, r, None) for r in records)
    for record in records:
        (ids, types, mask), own = inputs(tokenizer, record, length)
        feed = {"input_ids": torch.tensor([ids]), "token_type_ids": torch.tensor([types]), "attention_mask": torch.tensor([mask])}
        with torch.no_grad():
            out = encoder(**feed, output_hidden_states=True, output_attentions=True)
            tensors = {"hidden": torch.stack(out.hidden_states, 1)[0], "attentions": torch.stack(out.attentions, 1)[0],
                       "pooled": out.pooler_output[0]}
            if architecture == "BertForPreTraining":
                whole = model(**feed)
                tensors["mlm_logits"], tensors["nsp_logits"] = whole.prediction_logits[0], whole.seq_relationship_logits[0]
        tensors = {k: v.contiguous().numpy() for k, v in tensors.items()}
        tensors["input_ids"], tensors["token_type_ids"] = np.array(ids, np.int32), np.array(types, np.int32)
        yield str(record["id"]), own, tensors, tokenizer.convert_ids_to_tokens(ids[:own])


def fixture():
    folder = os.path.join(ROOT, "tasks", "encoding", "testdata")
    all = {}
    for id, _, tensors, _ in compute(os.path.join(ROOT, "checkpoints", "testdata", "hf"), read(os.path.join(folder, "in.jsonl"))):
        all.update({id + "/" + k: v for k, v in tensors.items()})
    made = "check_encode.py --fixture, torch %s, transformers %s" % (torch.__version__, transformers.__version__)
    save_file(all, os.path.join(folder, "expected.safetensors"), metadata={"made_by": made})


def own_part(kind, x, n):
    """What of a tensor does not belong to padding."""
    if kind == "hidden":
        return x[:, :n]
    if kind == "attentions":
        return x[:, :, :n]
    if kind == "mlm_logits":
        return x[:n]
    return x


def check(path, texts, out, tolerance):
    worst, good, compared = {}, True, 0
    with safe_open(out, "np") as f:
        names, metadata = set(f.keys()), f.metadata() or {}
        length = f.get_slice(next(n for n in names if n.endswith("/input_ids"))).get_shape()[0]
        records = [r for r in read(texts)]
        for id, own, tensors, pieces in compute(path, records, length):
            compared += 1
            if id + "/tokens" in metadata and metadata[id + "/tokens"].split(" ") != pieces:
                good = False
                print("%s: pieces %s, want %s" % (id, metadata[id + "/tokens"], " ".join(pieces)))
            for kind, want in tensors.items():
                if id + "/" + kind not in names:
                    continue
                got = f.get_tensor(id + "/" + kind)
                if got.shape != want.shape or (want.dtype == np.int32 and (got != want).any()):
                    good = False
                    print("%s/%s differs: %s, want %s" % (id, kind, got.shape, want.shape))
                    continue
                a, b = own_part(kind, got, own).astype(np.float64), own_part(kind, want, own).astype(np.float64)
                worst[kind] = max(worst.get(kind, 0), np.abs(a - b).max() / max(np.abs(b).max(), 1e-30))
    for kind, relative in sorted(worst.items()):
        print("%-16s largest relative difference %.2g over %d records" % (kind, relative, compared))
        good = good and relative <= tolerance
    return good


if __name__ == "__main__":
    if sys.argv[1:] == ["--fixture"]:
        fixture()
    else:
        sys.exit(0 if check(*sys.argv[1:4], float((sys.argv[4:] or ["1e-5"])[0])) else 1)
