"""Reads a table of subbert extract with pandas, polars and DuckDB and compares what they read with the JSON lines of the same run.

    python3 -m venv t && t/bin/pip install pandas==2.3.3 pyarrow==22.0.0 polars==1.35.2 duckdb==1.4.2
    subbert extract MODEL FILE... --out rows.jsonl && subbert extract MODEL FILE... --out rows.parquet && subbert extract MODEL FILE... --out rows.tsv
    t/bin/python scripts/check_extracted.py rows.jsonl rows.parquet rows.tsv

Prints a line for each reader and file; exit code 1 if a value differs. In TSV a space stands for a tab or line end of a text.
"""

import json
import re
import sys

import duckdb
import numpy
import pandas
import polars

NUMBERS = ["sentence_start", "a_start", "a_end", "b_start", "b_end"]


def plain(rows, flat):
    out = []
    for row in rows:
        row = {k: ("" if v is None else v) for k, v in row.items()}
        row["probability"] = float(numpy.float32(row["probability"]))
        for key in NUMBERS:
            row[key] = int(row[key])
        if flat:
            row = {k: re.sub(r"[\t\n\r]", " ", v) if isinstance(v, str) else v for k, v in row.items()}
        out.append(row)
    return out


def readers(path):
    if path.endswith(".parquet"):
        yield "pandas", pandas.read_parquet(path).to_dict("records")
        yield "polars", polars.read_parquet(path).to_dicts()
        yield "duckdb", duckdb.sql(f"SELECT * FROM read_parquet('{path}')").df().to_dict("records")
        return
    text = ["pmid", "section", "sentence", "a", "a_id", "a_type", "b", "b_id", "b_type", "label"]
    yield "pandas", pandas.read_csv(path, sep="\t", quoting=3, keep_default_na=False, dtype={c: str for c in text}).to_dict("records")
    yield "polars", polars.read_csv(path, separator="\t", quote_char=None, schema_overrides={c: polars.String for c in text}).to_dicts()
    types = json.dumps({c: "VARCHAR" for c in text}).replace('"', "'")
    yield "duckdb", duckdb.sql(f"SELECT * FROM read_csv('{path}', delim='\t', quote='', escape='', header=true, types={types})").df().fillna("").to_dict("records")


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        rows = [json.loads(line) for line in f]
    failed = False
    for path in sys.argv[2:]:
        want = plain(rows, path.endswith(".tsv"))
        for name, got in readers(path):
            got = plain(got, False)
            same = got == want and list(got[0]) == list(want[0])
            failed |= not same
            first = next((i for i, (g, w) in enumerate(zip(got, want)) if g != w), None)
            print(f"{name} {path}: {len(got)} rows, {'equal' if same else f'differ, first at {first}: {got[first] if first is not None else len(got)}'}")
    sys.exit(failed)


if __name__ == "__main__":
    main()
