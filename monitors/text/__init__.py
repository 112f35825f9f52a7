"""Reads Chinese social text: own words without quoted chains and links, terms, filler, near-identical copies.

Pure: no I/O but jieba's dictionary, loaded once a process.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from functools import lru_cache

from core.lexicon import jieba
from monitors.text.stopwords import FILLERS, STOP_WORDS

LONGEST = 2000  # characters of one text that are read for terms; longer ones are pasted documents
LONGEST_TERM = 12

_LINK = re.compile(
    r"https?:\s?//\s?[\w./?=&%#~+:;,@!-]*|(?<![\w.])t\.cn/\w+|\bhttps?\b|网页链接", re.ASCII | re.IGNORECASE
)
_REPLY = re.compile(r"^\s*(?:回复|回覆|reply)\s*@[^\s:：@]{1,30}\s*[:：]?\s*", re.IGNORECASE)
_NAME = re.compile(r"@[\w·-]{1,30}")
_EMOTICON = re.compile(r"\[[\w一-鿿]{1,8}\]")
_TERM = re.compile(rf"[a-zA-Z]{{3,{LONGEST_TERM}}}|(?=.*[一-鿿])[^\W_]{{2,{LONGEST_TERM}}}")
_IDEOGRAPH = re.compile(r"[一-鿿]")
_SPACE = re.compile(r"\s+")
_NOT_LETTER = re.compile(r"[^\w]|_")
_CLAUSE = re.compile(r"[，。！？；!?;…~～\n\r]+|\.{2,}|,\s*|\s{2,}")
_REPEATED = re.compile(r"(.)\1+")

_lock = threading.Lock()
_own_words: set[str] = set()


def use_words(words: Iterable[str]) -> None:
    """Teach the segmenter the office's own words (places, departments) so that they are never cut apart."""
    new = {word.strip() for word in words if len(word.strip()) > 1} - _own_words
    if not new:
        return
    module = jieba()
    with _lock:
        for word in sorted(new):
            module.add_word(word)
        _own_words.update(new)
    terms_of.cache_clear()


def own_words(text: str | None) -> str:
    """What this author wrote: the quoted `//@` chain and the leading 回复@name are cut, the rest stays as written."""
    if not text:
        return ""
    return _REPLY.sub("", text.split("//@", 1)[0]).strip()


def clean(text: str | None) -> str:
    """Own words without links and names; emoticons like [怒] and topics stay, white space is folded."""
    bare = _NAME.sub(" ", _LINK.sub(" ", own_words(text)))
    return _SPACE.sub(" ", bare).strip()


def without_emoticons(text: str) -> str:
    """The text without [..] emoticons, for titles and terms."""
    return _SPACE.sub(" ", _EMOTICON.sub(" ", text)).strip()


def is_blank(text: str | None) -> bool:
    """True when there is nothing at all to read."""
    return not text or not text.strip()


def is_wordless(text: str) -> bool:
    """True when no letter or ideograph is in it (emoji, digits, punctuation) or only platform filler is."""
    letters = _NOT_LETTER.sub("", text)
    return letters.lower() in FILLERS or not any(char.isalpha() for char in letters)


def is_junk(text: str) -> bool:
    """True when a cleaned text says nothing worth quoting: wordless, under four letters, or one character repeated."""
    letters = _NOT_LETTER.sub("", without_emoticons(text))
    return is_wordless(text) or len(letters) < 4 or len(set(letters)) < 3


def print_of(text: str) -> str:
    """A text's print: letters and digits only, lower case, repeats folded. Equal prints are copies of one text."""
    return _REPEATED.sub(r"\1", _NOT_LETTER.sub("", without_emoticons(clean(text))).lower())


def clauses(text: str) -> list[str]:
    """The clauses of a cleaned text in order, without emoticons and outer punctuation."""
    parts = _CLAUSE.split(without_emoticons(clean(text)))
    return [part for part in (piece.strip(" 　:：、“”\"'()（）【】[]《》#-—.,") for piece in parts) if part]


@lru_cache(maxsize=20_000)
def terms_of(text: str) -> tuple[str, ...]:
    """The distinct terms of a text in order: jieba words of 2 to 12 characters, no stop words, no digits."""
    bare = without_emoticons(clean(text[:LONGEST]))
    if is_wordless(bare):
        return ()
    return tuple(dict.fromkeys(word for word in map(str.strip, jieba().cut(bare)) if is_term(word)))


def is_term(word: str) -> bool:
    """True for a word that can name a topic."""
    if word.lower() in STOP_WORDS or word.lower() in FILLERS or len(set(word)) == 1:
        return False
    return bool(_TERM.fullmatch(word)) and (word.isascii() or len(_IDEOGRAPH.findall(word)) > 1)
