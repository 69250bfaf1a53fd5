"""Writes the fixtures of data/wordpiece: two made-up vocabularies, random texts with their ids, and digests over all of Unicode.

    pip install transformers==4.57.1 tokenizers==0.22.1 unicodedata2==15.0.0
    python scripts/fixtures_wordpiece.py data/wordpiece/testdata

The vocabularies are of made-up syllables and of single characters of many scripts. texts.jsonl.gz has a header line and
then a line for each text: `cased` and `uncased` are its ids with the limit of 200 characters per word, `cased_100` and
`uncased_100` those with 100 where they differ, `never` those of the cased vocabulary when NEVER is not split, where they
differ. codepoints.json has, for every 0x1000 code points, a digest of the ids of the words of a probe around each;
`newer` are the code points that Python 3.11's str.lower (Unicode 14) treats as unassigned, first and last of each
range: it may lower-case a sigma next to one of them wrongly, so their probe has no sigma.
"""

import gzip
import hashlib
import json
import random
import sys
import unicodedata
from pathlib import Path

import unicodedata2
from wordpiece_reference import google, google_words, load_vocabulary, versions

SEED = 20220413
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
NEVER = ["[MASK]", "@PROTEIN$", "ΑΣ.", "Éa"]
SYLLABLES = "ka lo mi tu ne sa ri po vu xen dra ost im ul ef ab 12 7 0".split()
BLOCKS = [  # stretches of scripts whose characters go into the vocabularies
    (0x00A1, 0x017F), (0x01CD, 0x01DC), (0x0391, 0x03CE), (0x0400, 0x045F), (0x05D0, 0x05EA), (0x0621, 0x064A),
    (0x0905, 0x0939), (0x0E01, 0x0E2E), (0x1100, 0x1112), (0x1161, 0x1175), (0x11A8, 0x11B5), (0x1E00, 0x1E40),
    (0x1F00, 0x1F30), (0x2010, 0x2027), (0x2200, 0x2270), (0x3041, 0x3096), (0x30A1, 0x30FA), (0x4E00, 0x4E40),
    (0xAC00, 0xAC20), (0xF900, 0xF910), (0x1D400, 0x1D410), (0x1F600, 0x1F610), (0x2F800, 0x2F808),
]  # fmt: skip
TROUBLE = (  # characters with a rule of their own, or whose rules meet
    "\0\t\n\r\x0b\x0c\x1c\x1f\x7f\x85\xa0\xad\u1680\u180e\u2000\u2003\u200b\u200d\u2028\u2029\u202f\u205f\u2060\u3000\ufeff\ufffd"
    "ΣςσΑΒ'.:·’_^`´\u1fef≠≮≯;\u037e\u0387İIıſ\u212a\u212bÅéÉñß\u1e9eǅǆﬁ\u0300\u0301\u0308\u0327\u0338\u0344\u0345\u034f\u093c\u0f71\u0f72"
    "\u302e\u302f\ua953\U0001d165\U0001d16d\U00016ff0\u0b3e\u0bd7각힣\uac00\u1112\u1161\u11a8क़ড়שׁ豈\U0002f800\U00020000"
    "\U0002a6df\U0002a6e0\u9fff\u3400\u4dbf\ue000\uf8ff\U000f0000\ufdd0\uffff\U0010ffff\U000e0001\U000e0100ⒶⅣʰª²"
    "@PROTEIN$[MASK]##()-/%+<=>|~"
)


def fold(token):
    """How a token of the uncased vocabulary is written."""
    token = unicodedata2.normalize("NFD", token.lower())
    return "".join(c for c in token if unicodedata2.category(c) != "Mn")


def vocabulary(rng, lower):
    tokens = list(SPECIAL) + ["[unused1]", "@PROTEIN$", "ΑΣ.", "Éa", "##", "##OT", "##EI", "##N", "PR", "αυσς", "##ς", "##σ"]
    tokens += [chr(c) for c in range(33, 127)]
    tokens += ["##" + c for c in "abcdefghijklmnopqrstuvwxyz0123456789"]
    if not lower:
        tokens += ["##" + c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
    for first, last in BLOCKS:
        for c in range(first, last + 1):
            if unicodedata.category(chr(c))[0] in "LNPSM" and rng.random() < 0.8:
                tokens += [chr(c), "##" + chr(c)]
    for c in "\u0301\u0308\u0327\u302e\ua953":
        tokens += [c, "##" + c]
    for _ in range(900):
        word = "".join(rng.choice(SYLLABLES) for _ in range(rng.randint(1, 4)))
        if rng.random() < 0.4:
            word = word.capitalize()
        if rng.random() < 0.15:
            word += rng.choice("éüñσΣжЖ가ß")
        tokens += [word] if rng.random() < 0.6 else ["##" + word]
    if lower:
        keep = SPECIAL + NEVER
        tokens = [t if t in keep else fold(t) for t in tokens]
        # Upper case stays below the hundredth that makes a vocabulary cased.
    return list(dict.fromkeys(t for t in tokens if t and t == t.strip(" \t\r")))


def text(rng, cased_tokens):
    """A random text: words of the vocabulary, trouble, characters of any kind."""
    out = []
    for _ in range(rng.choice([1, 2, 3, 5, 8, 13, 30])):
        kind = rng.random()
        if kind < 0.35:
            out.append(rng.choice(cased_tokens).removeprefix("##"))
        elif kind < 0.65:
            out.append("".join(rng.choice(TROUBLE) for _ in range(rng.randint(1, 6))))
        elif kind < 0.75:
            first, last = rng.choice(BLOCKS)
            out.append("".join(chr(rng.randint(first, last)) for _ in range(rng.randint(1, 9))))
        elif kind < 0.82:
            out.append(unicodedata.normalize(rng.choice(["NFC", "NFD"]), rng.choice(["Éclair", "naïve", "각하", "Ångström", "ΌΔΟΣ"])))
        elif kind < 0.88:
            out.append(chr(rng.choice([rng.randrange(0xD800), rng.randrange(0xE000, 0x10000), rng.randrange(0x10000, 0x20000)])))
        elif kind < 0.90:
            unit = rng.choice(["a", "ka", "é", "e\u0301", "가", "\u0301x", "Σ"])
            out.append(unit * rng.choice([33, 50, 66, 67, 99, 100, 101, 199, 200, 201]))
        if rng.random() < 0.6:
            out.append(rng.choice([" ", " ", " ", "  ", "\t", ", ", ". ", "-"]))
    return "".join(out)


FIXED = [
    "", " ", "\0", "\u0301", "@PROTEIN$ binds @PROTEIN$.", "a [MASK] b", "a [MASK]. [MA\u200bSK] \u200b[MASK]\u200b 中[MASK]中",
    "ΑΣ", "ΑΣ.", "ΑΣ.Β", "ΑΣ'Β", "ΑΣ Β", "Σ", ".Σ", "Α.Σ", "ΑΣ\u0301", "ΑΣ\u0301Β", "ΑΣ中", "Α\u200bΣ\u200bΒ", "ΑΣʰ", "ΑΣʰΒ", "1Σ", "ΑΣΣ",
    "cafe\u0301 café CAFÉ", "ab\0cd\ufffdef\u200bgh", "a\u2028b\u2029c", "\u302e\ua953x", "x\u302e\u0301\ua953y", "x\u302e\u034f\ua953y",
    "≠a≮b≯c", "a\u1fefb", "中文字", "\uf900\uf901", "가각힣",
]  # fmt: skip


def write_texts(path, vocabs, rng, count):
    tokens = list(vocabs["cased"])
    names = [("cased", False, 200, ()), ("uncased", True, 200, ()), ("cased_100", False, 100, ()),
             ("uncased_100", True, 100, ()), ("never", False, 200, NEVER)]  # fmt: skip
    run = {name: google(vocabs["uncased" if lower else "cased"], lower, limit, never) for name, lower, limit, never in names}
    header = {"made_by": "scripts/fixtures_wordpiece.py", "seed": SEED, "unicode": unicodedata2.unidata_version,
              "never_split": NEVER, **versions()}  # fmt: skip
    # mtime=0: the same run writes the same bytes
    with open(path, "wb") as f, gzip.GzipFile(filename="", fileobj=f, mode="wb", mtime=0) as z:
        z.write((json.dumps(header) + "\n").encode())
        for t in FIXED + [text(rng, tokens) for _ in range(count)]:
            ids = {}
            for name, lower, _, _ in names:
                vocab = vocabs["uncased" if lower else "cased"]
                ids[name] = [vocab[token] for token in run[name](t)]
            line = {"text": t, "cased": ids["cased"], "uncased": ids["uncased"]}
            for name, same in [("cased_100", "cased"), ("uncased_100", "uncased"), ("never", "cased")]:
                if ids[name] != ids[same]:
                    line[name] = ids[name]
            z.write((json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n").encode())


def is_newer(c):
    return unicodedata.category(c) == "Cn" and unicodedata2.category(c) != "Cn"


def probe(c):
    """A text around character c that shows its class, its parts, and whether it is cased or ignorable."""
    return f"x{c}y {c}" if is_newer(c) else f"x{c}y Α{c}Σ{c}β Α{c}Σ{c} {c}"


def newer():
    """First and last of each stretch of code points that is_newer."""
    stretches = []
    for c in range(0x110000):
        if is_newer(chr(c)):
            if not stretches or stretches[-1][1] != c - 1:
                stretches.append([c, c])
            stretches[-1][1] = c
    return stretches


def write_codepoints(path):
    digests = {}
    for name, lower in [("cased", False), ("uncased", True)]:
        words = google_words(lower)
        digests[name] = []
        for block in range(0, 0x110000, 0x1000):
            h = hashlib.sha256()
            for c in range(block, block + 0x1000):
                if not 0xD800 <= c < 0xE000:
                    h.update(("\n".join(words(probe(chr(c)))) + "\n\n").encode())
            digests[name].append(h.hexdigest()[:16])
    fields = {"unicode": unicodedata2.unidata_version, "newer": newer(), **digests}
    path.write_text("{\n" + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in fields.items()) + "\n}\n")


def main():
    out = Path(sys.argv[1])
    versions()
    if unicodedata.unidata_version != "14.0.0":
        raise SystemExit(f"Python with Unicode {unicodedata.unidata_version}, want 14.0.0, which is Python 3.11's")
    rng = random.Random(SEED)
    vocabs = {}
    for name in ["cased", "uncased"]:
        path = out / f"{name}.vocab.txt"
        path.write_text("\n".join(vocabulary(rng, name == "uncased")) + "\n", encoding="utf-8")
        vocabs[name] = load_vocabulary(path)
    write_texts(out / "texts.jsonl.gz", vocabs, rng, 3000)
    write_codepoints(out / "codepoints.json")


if __name__ == "__main__":
    main()
