#!/usr/bin/env python3
"""Write testdata/parity/*.safetensors: a nano BERT and the relation heads as PyTorch computes them.

The Go tests only read the result. Run again after changing a case:

    python3 -m venv venv && venv/bin/pip install torch==2.8.0 transformers==4.57.1 safetensors==0.6.2 numpy
    venv/bin/python scripts/fixtures_parity.py testdata/parity

Files, all float32 unless said; each records the versions and this script's name in its metadata:

pretraining_gelu, pretraining_gelu_new
    BertForPreTraining with dropout off. metadata "config" is the config.json. input.* (int32; masked_lm_weights
    float32), param.<name> (in pretraining_gelu, for both), hidden.<k>, attention.<k>, pooled, mlm_logits [B,S,V], nsp_logits, loss.mlm, loss.nsp,
    loss.total, grad.<name> for every parameter.
relation
    Every head on the same hidden states: hidden [B,S,H], lengths, labels, spans; then per case
    <case>/param.<name>, <case>/logits, <case>/loss, <case>/grad.<name>, <case>/grad.hidden and, where the
    pooling has them, <case>/weights.
adamw
    Ten steps on two alternating batches from the parameters of pretraining_gelu: <variant>/loss,
    <variant>/grad_norm (before clipping), <variant>/learning_rate, <variant>/param.<name> after the last.
    Variants: google (optimization.py of BERT), torch (torch.optim.AdamW), lamb (You et al. 2020).
"""

import json
import math
import sys
from pathlib import Path

import numpy as np
import torch
import transformers
from safetensors.numpy import save_file
from transformers import BertConfig, BertForPreTraining

CONFIG = dict(
    vocab_size=64, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
    max_position_embeddings=14, type_vocab_size=2, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    layer_norm_eps=1e-12, initializer_range=0.02, pad_token_id=0,
)
B, S, P = 3, 12, 4


def perturb(model, seed):
    """Moves every parameter away from its initial value, so that no term hides behind a zero or a one."""
    rng = np.random.default_rng(seed)
    with torch.no_grad():
        for name, p in sorted(model.named_parameters()):
            noise = torch.from_numpy(rng.standard_normal(p.shape).astype(np.float32))
            if name.endswith("LayerNorm.weight"):
                p.copy_(1 + 0.2 * noise)
            elif name.endswith("bias"):
                p.copy_(0.1 * noise)
            else:
                p.copy_(0.25 * noise)


def batch(seed):
    """A batch with padding, both token types, and padded predictions."""
    rng = np.random.default_rng(seed)
    lengths = np.array([12, 9, 5], np.int32)
    ids = rng.integers(1, CONFIG["vocab_size"], (B, S)).astype(np.int32)
    types = np.zeros((B, S), np.int32)
    positions, masked, weights = np.zeros((B, P), np.int32), np.zeros((B, P), np.int32), np.zeros((B, P), np.float32)
    for b, length in enumerate(lengths):
        ids[b, length:] = 0
        types[b, length // 2:length] = 1
        n = min(P, 1 + length // 4)
        positions[b, :n] = np.sort(rng.choice(np.arange(1, length - 1), n, replace=False))
        masked[b, :n] = rng.integers(1, CONFIG["vocab_size"], n)
        weights[b, :n] = 1
    return dict(input_ids=ids, token_type_ids=types, lengths=lengths, masked_lm_positions=positions,
                masked_lm_ids=masked, masked_lm_weights=weights,
                next_sentence_label=rng.integers(0, 2, B).astype(np.int32))


def forward(model, data):
    """Runs HF's own loss: labels are -100 except at the real predictions."""
    labels = np.full((B, S), -100, np.int64)
    for b in range(B):
        for p in range(P):
            if data["masked_lm_weights"][b, p] > 0:
                labels[b, data["masked_lm_positions"][b, p]] = data["masked_lm_ids"][b, p]
    mask = np.arange(S)[None, :] < data["lengths"][:, None]
    long = lambda x: torch.from_numpy(np.asarray(x).astype(np.int64))
    out = model(input_ids=long(data["input_ids"]), token_type_ids=long(data["token_type_ids"]),
                attention_mask=long(mask), output_hidden_states=True, output_attentions=True)
    flat = torch.nn.functional.cross_entropy
    mlm = flat(out.prediction_logits.view(-1, CONFIG["vocab_size"]), torch.from_numpy(labels).view(-1))
    nsp = flat(out.seq_relationship_logits, long(data["next_sentence_label"]))
    hf = model(input_ids=long(data["input_ids"]), token_type_ids=long(data["token_type_ids"]), attention_mask=long(mask),
               labels=torch.from_numpy(labels), next_sentence_label=long(data["next_sentence_label"])).loss
    assert torch.allclose(hf, mlm + nsp, rtol=1e-6), (hf, mlm + nsp)
    return out, mlm, nsp


def new_model(act):
    torch.manual_seed(0)
    config = BertConfig(hidden_act=act, attn_implementation="eager", **CONFIG)
    model = BertForPreTraining(config).eval()
    perturb(model, 11)
    return model, config


def pretraining(act):
    model, config = new_model(act)
    data = batch(5)
    out, mlm, nsp = forward(model, data)
    (mlm + nsp).backward()
    t = {f"input.{k}": v for k, v in data.items()}
    for name, p in model.named_parameters():
        if act == "gelu":  # the other file has the same
            t[f"param.{name}"] = p.detach().numpy()
        t[f"grad.{name}"] = p.grad.numpy()
    for k, h in enumerate(out.hidden_states):
        t[f"hidden.{k}"] = h.detach().numpy()
    for k, a in enumerate(out.attentions):
        t[f"attention.{k}"] = a.detach().numpy()
    pooled = model.bert.pooler(out.hidden_states[-1])
    t["pooled"], t["mlm_logits"] = pooled.detach().numpy(), out.prediction_logits.detach().numpy()
    t["nsp_logits"] = out.seq_relationship_logits.detach().numpy()
    for name, value in dict(mlm=mlm, nsp=nsp, total=mlm + nsp).items():
        t[f"loss.{name}"] = value.detach().numpy()
    keep = sorted(CONFIG) + ["hidden_act"]
    return t, {"config": json.dumps({k: v for k, v in config.to_dict().items() if k in keep})}


# ---- relation heads -------------------------------------------------------------------------------------------

RB, RS, RH, RC = 4, 8, 6, 3
LENGTHS = [8, 6, 5, 3]
SPANS = [[[1, 3], [4, 7]], [[2, 3], [3, 5]], [[1, 2], [2, 4]], [[1, 2], [1, 2]]]


def token_mask(kind):
    """[B,S]: 1 where a position takes part in the summary of the last layer."""
    m = torch.zeros(RB, RS)
    for b, length in enumerate(LENGTHS):
        last = length - 1 if kind == "tokens" else RS - 1
        m[b, 1:last] = 1
    return m


def last_states(lstm, h, kind, bidirectional):
    """Runs torch's LSTM row by row over the positions that take part: the plainest way to respect lengths."""
    rows = []
    for b, length in enumerate(LENGTHS):
        last = length - 1 if kind == "tokens" else RS - 1
        _, (state, _) = lstm(h[b:b + 1, 1:last])
        rows.append(state.transpose(0, 1).reshape(1, -1))  # forward, then backward
    return torch.cat(rows)


def relation():
    rng = np.random.default_rng(3)
    normal = lambda *shape: rng.standard_normal(shape).astype(np.float32)
    hidden = normal(RB, RS, RH)
    labels = np.array([0, 2, 1, 2], np.int32)
    t = {"hidden": hidden, "labels": labels, "lengths": np.array(LENGTHS, np.int32), "spans": np.array(SPANS, np.int32)}

    def case(name, params, pool, with_cls):
        """pool(params, hidden) -> (summary, weights or None); the classifier sits on [h_CLS ; summary]."""
        h = torch.from_numpy(hidden.copy()).requires_grad_()
        ps = {k: torch.from_numpy(v).requires_grad_() for k, v in params.items()}
        summary, weights = pool(ps, h)
        features = torch.cat([h[:, 0], summary], -1) if with_cls else summary
        w = torch.from_numpy(0.4 * normal(RC, features.shape[-1])).requires_grad_()
        b = torch.from_numpy(0.1 * normal(RC)).requires_grad_()
        ps.update({"classifier.weight": w, "classifier.bias": b})
        logits = features @ w.T + b
        loss = torch.nn.functional.cross_entropy(logits, torch.from_numpy(labels.astype(np.int64)))
        loss.backward()
        t[f"{name}/logits"], t[f"{name}/loss"] = logits.detach().numpy(), loss.detach().numpy()
        t[f"{name}/grad.hidden"] = h.grad.numpy()
        if weights is not None:
            t[f"{name}/weights"] = weights.detach().numpy()
        for k, p in ps.items():
            t[f"{name}/param.{k}"], t[f"{name}/grad.{k}"] = p.detach().numpy(), p.grad.numpy()

    pooler = {"bert.pooler.dense.weight": 0.4 * normal(RH, RH), "bert.pooler.dense.bias": 0.1 * normal(RH)}
    case("cls", pooler, lambda p, h: (torch.tanh(
        h[:, 0] @ p["bert.pooler.dense.weight"].T + p["bert.pooler.dense.bias"]), None), False)
    case("cls_raw", {}, lambda p, h: (h[:, 0], None), False)

    def spans(p, h):
        pooled = [torch.stack([h[b, s:e].mean(0) for b in range(RB) for s, e in [SPANS[b][k]]]) for k in range(2)]
        return torch.cat(pooled, -1), None
    case("mention+cls", {}, spans, True)
    case("mention", {}, spans, False)

    for kind in ("tokens", "positions"):
        m = token_mask(kind)

        def attention(p, h):
            score = (h @ p["sll.attention.weight"].T)[..., 0].masked_fill(m == 0, -torch.inf)
            a = torch.softmax(score, -1)
            return torch.einsum("bs,bsh->bh", a, h), a

        def mean(p, h):
            return torch.einsum("bs,bsh->bh", m / m.sum(-1, keepdim=True), h), None

        for with_cls in (True, False):
            suffix = f"-{kind}" + ("+cls" if with_cls else "")
            case("attention" + suffix, {"sll.attention.weight": 0.7 * normal(1, RH)}, attention, with_cls)
            case("mean" + suffix, {}, mean, with_cls)
            for pooling, bidirectional in (("lstm", False), ("bilstm", True)):
                lstm = torch.nn.LSTM(RH, RH, batch_first=True, bidirectional=bidirectional)
                params = {f"sll.lstm.{k}": 0.4 * normal(*p.shape) for k, p in lstm.named_parameters()}

                def recurrent(p, h):
                    run = lambda x: torch.func.functional_call(
                        lstm, {k.removeprefix("sll.lstm."): v for k, v in p.items() if k.startswith("sll.lstm.")}, (x,))
                    return last_states(run, h, kind, bidirectional), None
                case(pooling + suffix, params, recurrent, with_cls)
    return t, {"sizes": json.dumps(dict(B=RB, S=RS, H=RH, C=RC))}


# ---- optimizers -----------------------------------------------------------------------------------------------

STEPS, WARMUP, RATE, DECAY, CLIP = 10, 3, 1e-2, 0.01, 1.0


def rate_at(step):
    """Google's schedule; step counts completed updates, so the first update of a run with warm-up moves nothing."""
    if step < WARMUP:
        return RATE * step / WARMUP
    return RATE * (1 - step / STEPS)


def decays(name):
    return "LayerNorm" not in name and not name.endswith("bias")


def google(p, g, state, step, rate, name):
    m, v = state
    m.mul_(0.9).add_(g, alpha=0.1)
    v.mul_(0.999).addcmul_(g, g, value=0.001)
    update = m / (v.sqrt() + 1e-6)
    if decays(name):
        update = update + DECAY * p
    p.sub_(rate * update)


def lamb(p, g, state, step, rate, name):
    """Algorithm 2 of the LAMB paper with phi the identity, decay and trust ratio left out for LayerNorm and biases."""
    m, v = state
    m.mul_(0.9).add_(g, alpha=0.1)
    v.mul_(0.999).addcmul_(g, g, value=0.001)
    r = (m / (1 - 0.9 ** (step + 1))) / ((v / (1 - 0.999 ** (step + 1))).sqrt() + 1e-6)
    if decays(name):
        r = r + DECAY * p
        norm_p, norm_r = p.norm(), r.norm()
        if norm_p > 0 and norm_r > 0:
            r = r * (norm_p / norm_r)
    p.sub_(rate * r)


def train(update):
    """Ten steps; update is one of the functions above, or None for torch.optim.AdamW."""
    model, _ = new_model("gelu")
    named = [(n, p) for n, p in model.named_parameters()]
    state = {n: (torch.zeros_like(p), torch.zeros_like(p)) for n, p in named}
    reference = None if update else torch.optim.AdamW(
        [{"params": [p for n, p in named if decays(n)], "weight_decay": DECAY},
         {"params": [p for n, p in named if not decays(n)], "weight_decay": 0.0}], lr=RATE, betas=(0.9, 0.999), eps=1e-6)
    batches, seen = [batch(5), batch(6)], {"loss": [], "grad_norm": [], "learning_rate": []}
    for step in range(STEPS):
        model.zero_grad()
        _, mlm, nsp = forward(model, batches[step % 2])
        (mlm + nsp).backward()
        norm = math.sqrt(sum((p.grad.double() ** 2).sum().item() for _, p in named))
        with torch.no_grad():
            for _, p in named:
                p.grad.mul_(CLIP / max(norm, CLIP))
        rate = rate_at(step)
        if update:
            with torch.no_grad():
                for n, p in named:
                    update(p, p.grad, state[n], step, rate, n)
        else:
            for group in reference.param_groups:
                group["lr"] = rate
            reference.step()
        for key, value in dict(loss=(mlm + nsp).item(), grad_norm=norm, learning_rate=rate).items():
            seen[key].append(value)
    out = {k: np.array(v, np.float32) for k, v in seen.items()}
    out.update({f"param.{n}": p.detach().numpy() for n, p in named})
    return out


def adamw():
    t = {f"batch.{k}.{name}": v for k in range(2) for name, v in batch(5 + k).items()}
    for variant, update in (("google", google), ("torch", None), ("lamb", lamb)):
        t.update({f"{variant}/{k}": v for k, v in train(update).items()})
    return t, {"settings": json.dumps(dict(steps=STEPS, warmup_steps=WARMUP, learning_rate=RATE, weight_decay=DECAY,
                                           clip_norm=CLIP, beta1=0.9, beta2=0.999, epsilon=1e-6))}


def main():
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    jobs = {"pretraining_gelu": lambda: pretraining("gelu"), "pretraining_gelu_new": lambda: pretraining("gelu_new"),
            "relation": relation, "adamw": adamw}
    for name, job in jobs.items():
        tensors, metadata = job()
        metadata["made_by"] = (f"scripts/fixtures_parity.py, torch {torch.__version__.split('+')[0]}, "
                               f"transformers {transformers.__version__}")
        save_file({k: np.require(v, requirements="C") for k, v in tensors.items()}, out / f"{name}.safetensors", metadata)


if __name__ == "__main__":
    main()
