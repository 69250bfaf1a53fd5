"""Reads the event files of internal/tbevents with TensorBoard and checks the values.

    pip install tensorboard==2.21.0 setuptools==65.5.0
    python scripts/tbevents.py

`go test ./internal/tbevents -update` writes the files in internal/tbevents/testdata. This script checks that
they are valid; the Go test only compares bytes. It also checks the example record of internal/tbevents
against TensorBoard's writer.
"""

import io
import math
import pathlib

from tensorboard.backend.event_processing import event_accumulator
from tensorboard.summary.writer import record_writer

HERE = pathlib.Path(__file__).resolve().parent
EVENTS = HERE.parent / "internal" / "tbevents" / "testdata"


def record_of(data):
    """The record that TensorBoard's own writer makes of data, in hexadecimal."""
    raw = io.BytesIO()
    record_writer.RecordWriter(raw).write(data)
    return raw.getvalue().hex()


def main():
    shown = event_accumulator.EventAccumulator(str(EVENTS))
    shown.Reload()
    tags = sorted(shown.Tags()["scalars"])
    assert tags == ["heldout/mlm_loss", "train/learning_rate", "train/mlm_loss"], tags

    loss = [(e.step, e.value, e.wall_time) for e in shown.Scalars("train/mlm_loss")]
    want = [(0, 7.5, 1700000001.25), (10, 6.25, 1700000002.25), (20, 5.5, 1700000063.25)]
    assert loss == want, loss  # the continued run replaced step 20 of the first (99)

    rate = [(e.step, e.value) for e in shown.Scalars("train/learning_rate")]
    assert [s for s, _ in rate] == [0, 10], rate
    assert all(math.isclose(v, 2e-5, rel_tol=1e-7) for _, v in rate), rate

    (heldout,) = shown.Scalars("heldout/mlm_loss")
    assert math.isnan(heldout.value), heldout

    record = record_of(b"abc")
    assert record == "0300000000000000b099490e6162636e57f121", record  # as in internal/tbevents's test
    print("TensorBoard reads the expected values from the event files")


if __name__ == "__main__":
    main()
