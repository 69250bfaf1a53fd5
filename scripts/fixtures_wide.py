#!/usr/bin/env python3
"""Write testdata/parity/wide.safetensors: the biLSTM head at the paper's size, H=768 and S=128, as PyTorch computes it.

Parameters and hidden states are too large to keep, so both sides draw them from one formula (see lcg); the file holds
outputs and, of every gradient, its sum of squares and each 4999th value. Run again after changing the case:

    python3 -m venv venv && venv/bin/pip install torch==2.8.0 safetensors==0.6.2 numpy
    venv/bin/python scripts/fixtures_wide.py testdata/parity
"""

import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file

B, S, H, C = 2, 128, 768, 5
LENGTHS = [128, 77]
LABELS = [3, 1]
STRIDE = 4999


def lcg(n, seed, scale):
    """n values in [-scale, scale): x <- 1664525 x + 1013904223 mod 2^32 from seed, over the upper 24 bits."""
    a, c, m = 1664525, 1013904223, 1 << 32
    x, out = seed, np.empty(n, np.float32)
    for i in range(n):
        x = (a * x + c) % m
        out[i] = np.float32(x >> 8) / np.float32(1 << 23) - np.float32(1)
    return out * np.float32(scale)


def main(out):
    drawn = [0]

    def tensor(*shape, scale):
        drawn[0] += 1
        return torch.from_numpy(lcg(int(np.prod(shape)), drawn[0], scale).reshape(shape)).requires_grad_()

    hidden = tensor(B, S, H, scale=1)
    params = {}
    for direction in ["", "_reverse"]:
        for name, shape in [("weight_ih_l0", (4 * H, H)), ("weight_hh_l0", (4 * H, H)), ("bias_ih_l0", (4 * H,)), ("bias_hh_l0", (4 * H,))]:
            params["sll.lstm." + name + direction] = tensor(*shape, scale=0.03125)
    params["classifier.weight"] = tensor(C, 3 * H, scale=0.03125)
    params["classifier.bias"] = tensor(C, scale=0.03125)
    lstm = torch.nn.LSTM(H, H, batch_first=True, bidirectional=True)
    short = {name.removeprefix("sll.lstm."): p for name, p in params.items() if name.startswith("sll.lstm.")}
    rows = []
    for b, length in enumerate(LENGTHS):
        _, (state, _) = torch.func.functional_call(lstm, short, (hidden[b:b + 1, 1:length - 1],))
        rows.append(torch.cat([hidden[b, 0], state.reshape(-1)]))
    logits = torch.stack(rows) @ params["classifier.weight"].T + params["classifier.bias"]
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(LABELS))
    loss.backward()
    t = {"logits": logits.detach().numpy(), "loss": loss.detach().numpy()}
    for name, p in {"hidden": hidden, **params}.items():
        g = p.grad.numpy().reshape(-1)
        t[f"grad.{name}"] = g[::STRIDE].copy()
        t[f"squares.{name}"] = np.float32((g.astype(np.float64) ** 2).sum())
    meta = {"script": Path(__file__).name, "torch": torch.__version__, "numpy": np.__version__}
    save_file(t, str(Path(out) / "wide.safetensors"), metadata=meta)


main(sys.argv[1])
