"""Google's tokenizer, as the reference for data/wordpiece.

`google(vocab, lower, limit)` returns a function from a text to its tokens. It is the pure-Python tokenizer of
transformers without its two differences from google-research/bert: Google's does not compose the text (NFC), and
removes only the categories Cc and Cf where transformers removes all of C. Categories and decompositions are those of
Unicode 15.0.0 (unicodedata2), which is Go 1.26's edition.

`huggingface(vocab, lower, limit)` is the same without any change, and `rust(...)` the tokenizers library's.
"""

import types
import unicodedata

import tokenizers
import transformers
import unicodedata2
from transformers import tokenization_utils
from transformers.models.bert import tokenization_bert

PINNED = {"transformers": "4.57.1", "tokenizers": "0.22.1", "unicodedata2": "15.0.0"}


def versions():
    """The versions in use; stops if they are not the pinned ones."""
    found = {
        "transformers": transformers.__version__,
        "tokenizers": tokenizers.__version__,
        "unicodedata2": unicodedata2.unidata_version,
    }
    if found != PINNED:
        raise SystemExit(f"versions {found}, want {PINNED}")
    return found


def _is_control(char):
    return char not in "\t\n\r" and unicodedata2.category(char) in ("Cc", "Cf")


def _normalize(form, text):
    return text if form == "NFC" else unicodedata2.normalize(form, text)


class _GoogleRules:
    """While entered, transformers' BasicTokenizer follows Google's rules."""

    def __enter__(self):
        shim = types.SimpleNamespace(category=unicodedata2.category, normalize=_normalize)
        self.saved = tokenization_bert._is_control
        tokenization_bert._is_control = _is_control
        tokenization_bert.unicodedata = tokenization_utils.unicodedata = shim

    def __exit__(self, *_):
        tokenization_bert._is_control = self.saved
        tokenization_bert.unicodedata = tokenization_utils.unicodedata = unicodedata


def google_words(lower, never=()):
    """A function from a text to its words, before the vocabulary is asked."""
    basic = tokenization_bert.BasicTokenizer(do_lower_case=lower, never_split=never)

    def words(text):
        with _GoogleRules():
            return basic.tokenize(text)

    return words


def google(vocab, lower, limit, never=()):
    words = google_words(lower, never)
    return _pieces(vocab, words, limit, never)


def huggingface(vocab, lower, limit, never=()):
    basic = tokenization_bert.BasicTokenizer(do_lower_case=lower, never_split=never)
    return _pieces(vocab, basic.tokenize, limit, never)


def _pieces(vocab, words, limit, never):
    piece = tokenization_bert.WordpieceTokenizer(vocab=vocab, unk_token="[UNK]", max_input_chars_per_word=limit)

    def tokenize(text):
        tokens = []
        for word in words(text):
            tokens += [word] if word in never else piece.tokenize(word)
        return tokens

    return tokenize


def rust(vocab, lower, limit):
    tok = tokenizers.BertWordPieceTokenizer(dict(vocab), lowercase=lower)
    tok._tokenizer.model = tokenizers.models.WordPiece(dict(vocab), unk_token="[UNK]", max_input_chars_per_word=limit)
    return lambda text: tok.encode(text, add_special_tokens=False).tokens


def load_vocabulary(path):
    """Tokens to ids; lines are cut at newlines only, as ids depend on it."""
    with open(path, encoding="utf-8", newline="\n") as f:
        tokens = [line.strip(" \t\r\n") for line in f]
    return {token: i for i, token in enumerate(tokens)}
