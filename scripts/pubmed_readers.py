"""Measures the speed of other readers of PubMed XML, for comparison with ours.

    python -m venv venv && venv/bin/pip install lxml==6.1.3 pubmed_parser==0.5.1
    go run ./scripts/pubmedxml -citations 12000 /tmp/pubmed26n0001.xml.gz
    venv/bin/python scripts/pubmed_readers.py /tmp/pubmed26n0001.xml.gz

Prints MB of decompressed XML per second of processor time and of wall time on one core. "lxml" does what a careful script
does: it reads title and abstract with inline markup, MeSH and PMID, and frees each record when done.
"""

import gzip
import resource
import sys
import time

import pubmed_parser
from lxml import etree


def with_lxml(path):
    kept = 0
    with gzip.open(path) as f:
        for _, e in etree.iterparse(f, tag="PubmedArticle"):
            title = "".join(e.find("MedlineCitation/Article/ArticleTitle").itertext())
            text = " ".join("".join(a.itertext()) for a in e.iterfind("MedlineCitation/Article/Abstract/AbstractText"))
            e.findtext("MedlineCitation/PMID")
            [d.get("UI") for d in e.iterfind("MedlineCitation/MeshHeadingList/MeshHeading/DescriptorName")]
            kept += "protein" in title or "gene" in title or "protein" in text or "gene" in text
            e.clear()
            while e.getprevious() is not None:
                del e.getparent()[0]
    return kept


def bare_lxml(path):
    n = 0
    with gzip.open(path) as f:
        for _, e in etree.iterparse(f, tag="PubmedArticle"):
            n += 1
            e.clear()
            while e.getprevious() is not None:
                del e.getparent()[0]
    return n


def with_pubmed_parser(path):
    kept = 0
    for d in pubmed_parser.parse_medline_xml(path, year_info_only=False, nlm_category=False, author_list=False, reference_list=False):
        text = d["title"] + d["abstract"]
        kept += "protein" in text or "gene" in text
    return kept


def main():
    path = sys.argv[1]
    with gzip.open(path) as f:
        size = sum(len(b) for b in iter(lambda: f.read(1 << 20), b""))
    for name, read in [("lxml iterparse, bare", bare_lxml), ("lxml iterparse", with_lxml), ("pubmed_parser", with_pubmed_parser)]:
        before, start = resource.getrusage(resource.RUSAGE_SELF), time.time()
        kept = read(path)
        after, wall = resource.getrusage(resource.RUSAGE_SELF), time.time() - start
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"{name:22} {kept:7} records  {size / 1e6 / cpu:6.1f} MB/s processor  {size / 1e6 / wall:6.1f} MB/s wall")


main()
