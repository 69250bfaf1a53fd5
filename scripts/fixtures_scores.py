"""Writes evaluate/testdata/scores.json: the scores that scikit-learn computes for random labels.

Run with scikit-learn 1.7.2:  python scripts/fixtures_scores.py
Labels are drawn so that some classes are empty in the gold labels, in the predictions, or in both.
"""

import json
import pathlib
import sys

import numpy as np
import sklearn
from sklearn.calibration import calibration_curve
from sklearn.metrics import (accuracy_score, average_precision_score, brier_score_loss, confusion_matrix,
                             precision_recall_curve, precision_recall_fscore_support)

WANTED = "1.7.2"


def prf(gold, pred, **how):
    p, r, f, _ = precision_recall_fscore_support(gold, pred, zero_division=0, **how)
    return {"p": 100 * p, "r": 100 * r, "f1": 100 * f}


def labels_case(name, rng, labels, negative, gold_from, pred_from, size, agree):
    gold = rng.choice(gold_from, size)
    pred = np.where(rng.random(size) < agree, gold, rng.choice(pred_from, size))
    pred = np.array([p if p in pred_from else pred_from[0] for p in pred])
    positive = [l for l in labels if l != negative]
    p, r, f, n = precision_recall_fscore_support(gold, pred, labels=labels, zero_division=0)
    per_class = {l: {"p": 100 * p[i], "r": 100 * r[i], "f1": 100 * f[i], "support": int(n[i])} for i, l in enumerate(labels)}
    return {
        "name": name, "labels": labels, "negative": negative, "gold": gold.tolist(), "pred": pred.tolist(),
        "micro": prf(gold, pred, labels=positive, average="micro"),
        "macro": prf(gold, pred, labels=positive, average="macro"),
        "binary": prf(gold != negative, pred != negative, average="binary"),
        "accuracy": 100 * accuracy_score(gold, pred),
        "per_class": per_class,
        "confusion": confusion_matrix(gold, pred, labels=labels).tolist(),
    }


def scores_case(name, positive, score, bins):
    p, r, t = precision_recall_curve(positive, score)
    observed, predicted = calibration_curve(positive, score, n_bins=bins, pos_label=True)
    return {
        "name": name, "positive": positive.tolist(), "score": score.tolist(), "bins": bins,
        "precision": p[:-1].tolist(), "recall": r[:-1].tolist(), "thresholds": t.tolist(),
        "average_precision": average_precision_score(positive, score),
        "observed": observed.tolist(), "predicted": predicted.tolist(),
        "brier": brier_score_loss(positive, score, pos_label=True),
    }


def main():
    if sklearn.__version__ != WANTED:
        sys.exit(f"scikit-learn {sklearn.__version__}, want {WANTED}")
    rng = np.random.default_rng(20220331)
    ddi = ["advise", "effect", "int", "mechanism", "false"]
    ppi = ["1", "0"]
    labels = [
        labels_case("five labels", rng, ddi, "false", ddi, ddi, 400, 0.7),
        labels_case("a label never gold", rng, ddi, "false", [l for l in ddi if l != "int"], ddi, 300, 0.5),
        labels_case("a label never predicted", rng, ddi, "false", ddi, ["effect", "mechanism", "advise", "false"], 300, 0.6),
        labels_case("a label in neither", rng, ddi, "false", ["effect", "false", "advise", "mechanism"], ["effect", "false", "advise", "mechanism"], 200, 0.6),
        labels_case("nothing predicted", rng, ddi, "false", ddi, ["false"], 100, 0.0),
        labels_case("nothing to find", rng, ddi, "false", ["false"], ddi, 100, 0.1),
        labels_case("only negatives", rng, ddi, "false", ["false"], ["false"], 20, 1.0),
        labels_case("all right", rng, ddi, "false", ddi, ddi, 50, 1.0),
        labels_case("two labels", rng, ppi, "0", ppi, ppi, 250, 0.6),
        labels_case("two labels, none found", rng, ppi, "0", ppi, ["0"], 30, 0.0),
        labels_case("one instance", rng, ppi, "0", ["1"], ["1"], 1, 1.0),
    ]
    noisy = rng.random(300)
    curves = [
        scores_case("noisy", rng.random(300) < noisy, noisy, 10),
        scores_case("ties", rng.random(200) < 0.3, np.round(rng.random(200), 1), 10),
        scores_case("all positive", np.ones(40, dtype=bool), rng.random(40), 5),
        scores_case("separable", np.arange(60) >= 40, np.arange(60) / 60, 7),
        scores_case("at the edges", np.array([True, False, True, True, False]), np.array([0.0, 0.0, 0.5, 1.0, 1.0]), 2),
    ]
    out = pathlib.Path(__file__).parent.parent / "evaluate" / "testdata" / "scores.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    made = {"made_by": f"scripts/fixtures_scores.py with scikit-learn {WANTED}", "labels": labels, "curves": curves}
    out.write_text(json.dumps(made, indent=None, separators=(",", ":")) + "\n")
    print(out, out.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
