"""Makes checkpoints/testdata: one nano BERT in every container that BERTs are published in, written by the real tools.

    python scripts/fixtures_checkpoints.py torch        with torch==2.8.0 transformers==4.57.1 numpy
    python scripts/fixtures_checkpoints.py tensorflow   with tensorflow-cpu==2.19.1, after the first

The Go tests only read the result. Every parameter is drawn at random (biases and LayerNorm too), so that no two are equal.
"""

import hashlib
import json
import os
import shutil
import sys
from collections import OrderedDict

import numpy as np

OUT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "checkpoints", "testdata")
WORDS = "the protein binds Protein gene A B kinase Kinase in vitro and of Ras ##s ##ing ##ed ##A . , ( ) 1 2 3 4 5 6 7".split()
VOCAB = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + WORDS
CONFIG = dict(vocab_size=len(VOCAB), hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
              max_position_embeddings=12, type_vocab_size=2)


def folder(name):
    path = os.path.join(OUT, name)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    return path


def write_vocab(path):
    with open(os.path.join(path, "vocab.txt"), "w") as f:
        f.write("".join(w + "\n" for w in VOCAB))


def expected(state):
    """Shape and SHA-256 of the float32 bytes of each tensor."""
    return {k: {"shape": list(v.shape), "sha256": hashlib.sha256(v.float().contiguous().numpy().tobytes()).hexdigest()}
            for k, v in sorted(state.items())}


def with_torch():
    import torch
    import transformers
    from safetensors.torch import save_file
    torch.manual_seed(1)
    model = transformers.BertForPreTraining(transformers.BertConfig(**CONFIG)).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape))
    state = model.state_dict()
    distinct = {k: v for k, v in state.items() if not k.startswith("cls.predictions.decoder.")}

    hf = folder("hf")
    model.save_pretrained(hf)
    write_vocab(hf)
    transformers.BertTokenizerFast(os.path.join(hf, "vocab.txt"), do_lower_case=False).save_pretrained(hf)
    with open(os.path.join(OUT, "expected.json"), "w") as f:
        json.dump({"made_by": {"torch": torch.__version__, "transformers": transformers.__version__},
                   "f32": expected(distinct), "f16": expected({k: v.half() for k, v in distinct.items()}),
                   "bf16": expected({k: v.bfloat16() for k, v in distinct.items()})}, f, indent=1)

    model.save_pretrained(folder("hf-sharded"), max_shard_size="4KB")
    model.save_pretrained(folder("bin"), safe_serialization=False)
    model.save_pretrained(folder("bin-sharded"), safe_serialization=False, max_shard_size="4KB")
    base = folder("base")
    model.bert.save_pretrained(base)  # names without bert.
    write_vocab(base)
    for name, dtype in (("f16", torch.float16), ("bf16", torch.bfloat16)):
        path = folder(name)
        converted = {k: v.to(dtype).contiguous() for k, v in distinct.items()}
        save_file(converted, os.path.join(path, "model.safetensors"), metadata={"format": "pt"})
        torch.save(converted, os.path.join(path, "weights.bin"))

    # As the first PyTorch BERTs were published: no zip, gamma and beta, index buffers, a decoder that shares storage.
    early = OrderedDict((k.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"), v)
                        for k, v in state.items() if k != "cls.predictions.decoder.bias")
    early["bert.embeddings.position_ids"] = torch.arange(12).expand((1, -1))
    torch.save(early, os.path.join(folder("legacy"), "pytorch_model.bin"), _use_new_zipfile_serialization=False)

    odd(torch)
    for name in ("hf-sharded", "bin", "bin-sharded"):
        os.remove(os.path.join(OUT, name, "config.json"))
        if os.path.exists(os.path.join(OUT, name, "generation_config.json")):
            os.remove(os.path.join(OUT, name, "generation_config.json"))


def odd(torch):
    """Tensors of every type and layout, in both forms of torch.save, and what each must read as."""
    base = torch.arange(24, dtype=torch.float32).reshape(4, 6)
    tensors = OrderedDict(
        whole=base, transposed=base.t(), column=base[:, 2], corner=base[1:3, 2:5], steps=base[::2, ::3],
        expanded=torch.tensor([[7.0]]).expand(2, 3), scalar=torch.tensor(3.5), empty=torch.zeros(0, 3),
        double=torch.tensor([0.1, -2.0], dtype=torch.float64), half=torch.tensor([0.5, 65504.0]).half(),
        brain=torch.tensor([1.0, 3.0]).bfloat16(), long=torch.tensor([[-1, 2 ** 40]]), int=torch.tensor([7], dtype=torch.int32),
        short=torch.tensor([-3], dtype=torch.int16), byte=torch.tensor([200], dtype=torch.uint8),
        char=torch.tensor([-5], dtype=torch.int8), bool=torch.tensor([True, False]),
        parameter=torch.nn.Parameter(torch.tensor([1.0, 2.0])))
    path = folder("odd")
    torch.save(tensors, os.path.join(path, "zip.bin"))
    torch.save(tensors, os.path.join(path, "legacy.bin"), _use_new_zipfile_serialization=False)
    torch.save({"epoch": 3, "loss": 0.5, "done": False, "note": "x", "extra": None, "state_dict": tensors},
               os.path.join(path, "nested.bin"))
    names = {torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64",
             torch.int32: "I32", torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL"}
    with open(os.path.join(path, "expected.json"), "w") as f:
        json.dump({k: {"dtype": names[v.dtype], "shape": list(v.shape),
                       "hex": v.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes().hex()}
                   for k, v in tensors.items()}, f, indent=1)


def read_safetensors(path):
    with open(path, "rb") as f:
        header = json.loads(f.read(int.from_bytes(f.read(8), "little")))
        data = f.read()
    return {k: np.frombuffer(data[v["data_offsets"][0]:v["data_offsets"][1]], np.float32).reshape(v["shape"])
            for k, v in header.items() if k != "__metadata__"}


def google(name):
    """Google's name of a parameter, and whether its kernel is stored as [in,out]."""
    special = {"cls.predictions.bias": "cls/predictions/output_bias", "cls.seq_relationship.weight": "cls/seq_relationship/output_weights",
               "cls.seq_relationship.bias": "cls/seq_relationship/output_bias"}
    if name in special:
        return special[name], False
    name = name.replace("layer.", "layer_").replace(".", "/")
    if "LayerNorm" in name:
        return name.replace("weight", "gamma").replace("bias", "beta"), False
    if name.endswith("_embeddings/weight"):
        return name[:-len("/weight")], False
    return name.replace("weight", "kernel"), name.endswith("weight")


def with_tensorflow():
    import tensorflow as tf
    weights = {}
    for name, value in read_safetensors(os.path.join(OUT, "hf", "model.safetensors")).items():
        key, transposed = google(name)
        weights[key] = np.ascontiguousarray(value.T if transposed else value)

    v1 = tf.compat.v1
    path = folder("tf1")
    shutil.copy(os.path.join(OUT, "hf", "config.json"), os.path.join(path, "bert_config.json"))
    write_vocab(path)
    with tf.Graph().as_default(), v1.Session() as session:
        variables = [v1.get_variable(k, initializer=v) for k, v in weights.items()]
        for k, v in weights.items():
            if "embeddings" in k:
                variables += [v1.get_variable(k + "/adam_m", initializer=v * 0), v1.get_variable(k + "/adam_v", initializer=v * 0)]
        variables.append(v1.get_variable("global_step", initializer=np.int64(1000)))
        session.run(v1.global_variables_initializer())
        v1.train.Saver(variables, save_relative_paths=True).save(session, os.path.join(path, "model.ckpt-1000"), write_meta_graph=False)

    # Two shards, as a parameter server would leave them.
    path = folder("tf-sharded")
    names = sorted(weights)
    half = [names[:len(names) // 2], names[len(names) // 2:]]
    prefixes = [os.path.join(path, "part%d" % i) for i in range(2)]
    for prefix, part in zip(prefixes, half):
        tf.raw_ops.SaveV2(prefix=prefix, tensor_names=part, shape_and_slices=[""] * len(part), tensors=[weights[n] for n in part])
    tf.raw_ops.MergeV2Checkpoints(checkpoint_prefixes=prefixes, destination_prefix=os.path.join(path, "bert_model.ckpt"), delete_old_dirs=False)

    # Types other than float32, a TF2 object graph (a string tensor), and a partitioned variable.
    path = folder("tf-odd")
    tensors = dict(double=np.array([0.1, -2.0]), half=np.array([0.5, 65504], np.float16), long=np.array([[-1, 2 ** 40]]),
                   int=np.array([7], np.int32), short=np.array([-3], np.int16), byte=np.array([200], np.uint8),
                   char=np.array([-5], np.int8), bool=np.array([True, False]), scalar=np.float32(3.5), empty=np.zeros((0, 3), np.float32))
    tensors = {k: tf.constant(v) for k, v in tensors.items()}
    tensors["brain"] = tf.cast(tf.constant([1.0, 3.0]), tf.bfloat16)
    tensors["text"] = tf.constant(["a", "bc"])
    tf.raw_ops.SaveV2(prefix=os.path.join(path, "odd.ckpt"), tensor_names=list(tensors), shape_and_slices=[""] * len(tensors),
                      tensors=list(tensors.values()))
    tf.raw_ops.SaveV2(prefix=os.path.join(path, "sliced.ckpt"), tensor_names=["table", "table"],
                      shape_and_slices=["4 2 0,2:0,2", "4 2 2,2:0,2"],
                      tensors=[tf.constant([[1.0, 2.0], [3.0, 4.0]]), tf.constant([[5.0, 6.0], [7.0, 8.0]])])
    # Enough names for a second block and a two-level index.
    many = {"variable/with/a/rather/long/name/%04d" % i: np.full([2], i, np.float32) for i in range(600)}
    tf.raw_ops.SaveV2(prefix=os.path.join(path, "many.ckpt"), tensor_names=list(many), shape_and_slices=[""] * len(many),
                      tensors=list(many.values()))
    tf.train.Checkpoint(table=tf.Variable([[1.0, 2.0]]), step=tf.Variable(3, dtype=tf.int64)).write(os.path.join(path, "tf2.ckpt"))


if __name__ == "__main__":
    {"torch": with_torch, "tensorflow": with_tensorflow}[sys.argv[1]]()
