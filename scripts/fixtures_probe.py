#!/usr/bin/env python3
"""Write testdata/parity/probe.safetensors (edge probes as PyTorch computes them) and evaluate/porter/testdata/stems.tsv
(words and their stems as NLTK's original Porter algorithm has them).

The Go tests only read the result. Run again after changing a case:

    python3 -m venv venv && venv/bin/pip install torch==2.8.0 safetensors==0.6.2 numpy nltk==3.9.2
    venv/bin/python scripts/fixtures_probe.py

probe.safetensors, float32 unless said; metadata has the versions and this script's name:
    activations [B,L+1,P,H], lengths [B,2] int32 (real positions of each mention; "all" and "cls" use the first),
    labels [B] int32; then for each input (spans, plain_spans, all, cls) and each l in 0..L, as <input>/<l>/:
    param.<name>, mixed [B,P,H], logits, loss (mean cross entropy), grad.<name>, grad.activations.
"""

import json
import sys
from pathlib import Path

import nltk
import numpy as np
import torch
from nltk.stem import PorterStemmer
from safetensors.numpy import save_file

B, L, W, H, D, M, C = 3, 3, 3, 6, 5, 7, 4
P = 2 * W

WORDS = """
a as is it of on at by be to in the this was has does his news sky skies dying lying tying die lie tie
caresses ponies ties caress cats feed agreed plastered bled motoring sing conflated troubled sized hopping tanned
falling hissing fizzed failing filing happy relational conditional rational valenci hesitanci digitizer conformabli
radicalli differentli vileli analogousli vietnamization predication operator feudalism decisiveness hopefulness
callousness formaliti sensitiviti sensibiliti triplicate formative formalize electriciti electrical hopeful goodness
revival allowance inference airliner gyroscopic adjustable defensible irritant replacement adjustment dependent
adoption homologou communism activate angulariti homologous effective bowdlerize probate rate cease controll roll
activates activation activated activator active activity complex complexes associated association associates interacts
interaction interacting human proteins protein binding binds bound domain domains specific specifically specificity
receptor receptors concomitantly combination combined concomitant increased increases using used concurrently
concurrent decreased decreases inhibited inhibition inhibits inhibitor inhibitors received receiving administered
administration phosphorylation phosphorylated phosphorylates attenuated attenuates stimulated stimulation stimulates
derivative derivatives derived regulated regulation regulates novel metabolism metabolized metabolic metabolite reduced
reduction reduces induced induction inducer induces enzyme enzymes kinase kinases tyrosine serine threonine receptoral
pharmacokinetic pharmacokinetics bioavailability clearance plasma concentrations concentration dosage doses dosing
therapy therapies therapeutic treatment treated patients studies study studied significantly significant coadministration
coadministered contraindicated caution cautiously monitored monitoring toxicity hypersensitivity anticoagulant
anticoagulants antidepressants antihypertensive diuretics sympathomimetic hypotension cardiovascular gastrointestinal
cells cellular transcription transcriptional translation translocated ubiquitination ubiquitinated heterodimer
heterodimerization homodimers oligomerization dimerize dimerized recruitment recruits coimmunoprecipitated
immunoprecipitation precipitates affinity affinities dissociation dissociates constant kinetics antibody antibodies
antigen antigenic expression expressed expresses overexpressed mutated mutation mutations mutants deletion deletions
sequence sequences sequencing homology homologues conserved regions terminal terminus amino acids residues residue
requires required requirement necessary sufficient essential possibly probable possibility abilities ability able
analyses analysis analyzed hypotheses hypothesis appendices indices matrices vertebrae bacteria bacterial viruses viral
signal signaling signalling signals pathway pathways cascade mediated mediates mediator mediators dependent
dependence independently intravenous orally oral intramuscular subcutaneous daily weekly hourly absorbed absorption
excretion excreted eliminated elimination half lives delayed delaying enhances enhanced enhancement potentiate
potentiates potentiation synergistic synergism additive additives antagonize antagonists antagonism agonists agonistic
partial partially competitive competitively reversible irreversible irreversibly selectively selective selectivity
blocker blockers blockade blocking channels channel calcium sodium potassium glucose insulin diabetic diabetes
hypoglycemia hyperglycemia cholesterol lipids lipoproteins triglycerides hepatic renal impairment impaired severe
severity mild moderately moderate disease diseases diseased syndromes syndrome infections infectious infected infection
yielding agreeing freed bleeding meeting feeling needing exceeding proceed succeeded organization organizational
generalizations generalization oscillators oscillate oscillations yes yly by-product controlled rolled tolled
"""


def probe(name, kind, l, rng, activations, lengths, labels):
    """One probe's parameters, outputs and gradients."""
    width = {"spans": 2 * D, "plain_spans": 2 * H, "all": P * H, "cls": H}[kind]
    shapes = {f"probe.{l}.mix.alpha": (l + 1,), f"probe.{l}.mix.gamma": (1,),
              f"probe.{l}.hidden.weight": (M, width), f"probe.{l}.hidden.bias": (M,),
              f"probe.{l}.output.weight": (C, M), f"probe.{l}.output.bias": (C,)}
    size = H
    if kind == "spans":
        size = D
        for side in "ab":
            shapes |= {f"probe.{l}.{side}.projection.weight": (D, H), f"probe.{l}.{side}.projection.bias": (D,)}
    if kind.endswith("spans"):
        for side in "ab":
            shapes[f"probe.{l}.{side}.attention.weight"] = (1, size)
    p = {n: torch.tensor(rng.standard_normal(s).astype(np.float32) * 0.5, requires_grad=True)
         for n, s in sorted(shapes.items())}
    x = activations[:, :, :1, :] if kind == "cls" else activations
    x = x.clone().requires_grad_()
    share = torch.softmax(p[f"probe.{l}.mix.alpha"], 0)
    mixed = p[f"probe.{l}.mix.gamma"] * torch.einsum("k,bkph->bph", share, x[:, :l + 1])

    if kind == "cls":
        features = mixed[:, 0]
    elif kind == "all":
        inside = torch.arange(P)[None, :] < lengths[:, :1]
        features = (mixed * inside[:, :, None]).reshape(B, -1)
    else:
        pooled = []
        for i, side in enumerate("ab"):
            y = mixed[:, i * W:(i + 1) * W]
            if kind == "spans":
                y = y @ p[f"probe.{l}.{side}.projection.weight"].T + p[f"probe.{l}.{side}.projection.bias"]
            scores = (y @ p[f"probe.{l}.{side}.attention.weight"].T)[..., 0]
            inside = torch.arange(W)[None, :] < lengths[:, i:i + 1]
            weights = torch.softmax(scores.masked_fill(~inside, -1e30), -1) * inside  # no position, no weight
            pooled.append((weights[..., None] * y).sum(1))
        features = torch.cat(pooled, -1)
    hidden = torch.tanh(features @ p[f"probe.{l}.hidden.weight"].T + p[f"probe.{l}.hidden.bias"])
    logits = hidden @ p[f"probe.{l}.output.weight"].T + p[f"probe.{l}.output.bias"]
    loss = torch.nn.functional.cross_entropy(logits, labels)
    loss.backward()
    out = {"mixed": mixed, "logits": logits, "loss": loss.reshape(1), "grad.activations": x.grad}
    out |= {f"param.{n}": v for n, v in p.items()} | {f"grad.{n}": v.grad for n, v in p.items()}
    return {f"{name}/{l}/{n}": v.detach().numpy() for n, v in out.items()}


def main():
    root = Path(__file__).resolve().parent.parent
    rng = np.random.default_rng(7)
    x = rng.standard_normal((B, L + 1, P, H)).astype(np.float32)
    lengths = np.array([[3, 1], [2, 3], [1, 0]], np.int32)  # the last example lost its second mention
    labels = np.array([2, 0, 3], np.int32)
    t = {"activations": x, "lengths": lengths, "labels": labels}
    for kind in ("spans", "plain_spans", "all", "cls"):
        for l in range(L + 1):
            t |= probe(kind, kind, l, rng, torch.from_numpy(x), torch.from_numpy(lengths), torch.from_numpy(labels).long())
    meta = {"by": "scripts/fixtures_probe.py", "torch": torch.__version__.split("+")[0], "numpy": np.__version__,
            "sizes": json.dumps(dict(width=W, hidden=H, projection=D, mlp=M, classes=C, layers=L))}
    save_file({n: np.ascontiguousarray(v) for n, v in t.items()}, root / "testdata/parity/probe.safetensors", meta)

    stemmer = PorterStemmer(mode=PorterStemmer.ORIGINAL_ALGORITHM)
    words = sorted(set(WORDS.split()))
    target = root / "evaluate/porter/testdata/stems.tsv"
    target.write_text(f"# scripts/fixtures_probe.py, nltk {nltk.__version__}, PorterStemmer.ORIGINAL_ALGORITHM\n"
                      + "".join(f"{w}\t{stemmer.stem(w)}\n" for w in words))
    print(len(t), "tensors,", len(words), "words", file=sys.stderr)


main()
