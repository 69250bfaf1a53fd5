#!/usr/bin/env python3
"""Measures a pre-training step of BERT-base in eager torch, float32, on the processor, for comparison with XLA:CPU.

    python scripts/torch_step.py [--threads 2] [--steps 5]        torch 2.8.0, transformers 4.57.1

B=8, S=128, 20 masked positions, dropout 0.1, scaled dot product attention, AdamW over all parameters, gradients clipped
to norm 1, and the masked-word head on the masked positions only. The same step in subbert, on the same threads in the same
minute; compare the median of compute_seconds in metrics.jsonl with the printed median:

    subbert --backend cpu pretrain base.toml --set task.batch=8 --set schedule.steps=8 --set record.every_steps=1
"""
import argparse
import statistics
import time

import torch
from torch import nn
from transformers import BertConfig, BertModel


class Pretraining(nn.Module):
    """BERT with both pre-training heads, the decoder tied to the word embeddings."""

    def __init__(self, config):
        super().__init__()
        self.bert = BertModel._from_config(config, attn_implementation="sdpa")
        self.transform = nn.Sequential(
            nn.Linear(config.hidden_size, config.hidden_size), nn.GELU(), nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps))
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        self.next = nn.Linear(config.hidden_size, 2)

    def forward(self, ids, types, mask, positions, labels, following):
        out = self.bert(input_ids=ids, token_type_ids=types, attention_mask=mask)
        hidden = out.last_hidden_state
        picked = torch.gather(hidden, 1, positions[:, :, None].expand(-1, -1, hidden.shape[-1]))
        logits = self.transform(picked) @ self.bert.embeddings.word_embeddings.weight.T + self.bias
        return nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten()) + nn.functional.cross_entropy(self.next(out.pooler_output), following)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--layers", type=int, default=12)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    config = BertConfig(vocab_size=30522, num_hidden_layers=args.layers)
    model = Pretraining(config).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01)
    b, s, p = 8, 128, 20
    batch = (torch.randint(0, config.vocab_size, (b, s)), torch.randint(0, 2, (b, s)), torch.ones(b, s, dtype=torch.long),
             torch.randint(0, s, (b, p)), torch.randint(0, config.vocab_size, (b, p)), torch.randint(0, 2, (b,)))
    seconds = []
    for step in range(args.steps + 1):
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        loss = model(*batch)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step > 0:  # the first allocates
            seconds.append(time.perf_counter() - start)
    print(f"torch {torch.__version__}, {args.threads} threads: {statistics.median(seconds):.3f} s a step (of {[round(x, 3) for x in seconds]}), loss {loss.item():.3f}")


if __name__ == "__main__":
    main()
