"""When two values are the same to people: another way of writing, or a slip of typing."""

from __future__ import annotations

from collections import Counter

import polars as pl

__all__ = ["Rarity", "is_slip", "like_writing", "plain_writing"]

_OFTEN = 5
_ONE_SLIP = 5
_TWO_SLIPS = 12
_RARE = 2
_SLIPS_IN = 50
_FORGIVEN = 20


def plain_writing(series: pl.Series) -> pl.Series:
    """Return texts without case, accents, punctuation and word order, equal where people say so.

    Two writings that both occur often (5 rows or more) are two things, such as "<=50K" and
    ">50K", and stay apart. Signs within a number and the order of words that stand for nothing but
    signs are kept.

    Examples
    --------
    >>> plain_writing(pl.Series(["Groß, Café!", "cafe GROSS", "1.5 kg", "5.1 kg", "?"])).to_list()
    ['cafe gross', 'cafe gross', '1.5 kg', '5.1 kg', '?']
    """
    counts = series.drop_nulls().alias("raw").value_counts(name="rows")
    if counts.is_empty():
        return series
    spoken = pl.col("raw").str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()
    written = (
        pl.col("raw")
        .str.normalize("NFKD")
        .str.replace_all(r"\p{M}|['\u2019`\u00b4]", "")
        .str.to_lowercase()
        .str.replace_all("ß", "ss", literal=True)
        # Twice, since signs in 1-2-3 share a digit.
        .str.replace_all(r"(\d)[.,:/\-](\d)", "$1\u00b7$2")
        .str.replace_all(r"(\d)[.,:/\-](\d)", "$1\u00b7$2")
        # A pound is no euro.
        .str.replace_all(r"(\p{Sc})", " $1 ")
        .str.replace_all(r"[^\p{L}\p{N}\p{Sc}\u00b7]+", " ")
        .str.strip_chars()
        .str.replace_all("\u00b7", ".", literal=True)
    )
    table = counts.with_columns(spoken=spoken, plain=written)
    table = table.with_columns(
        plain=pl.when(pl.col("plain") == "")
        .then("spoken")
        .otherwise(pl.col("plain").str.split(" ").list.sort().list.join(" "))
    )
    # Writings that differ by case and blanks alone are one, however often each occurs.
    often = table.group_by("plain", "spoken").agg(pl.col("rows").sum())
    two = often.filter(pl.col("rows") >= _OFTEN).group_by("plain").len().filter(pl.col("len") > 1)
    apart = pl.col("plain").is_in(two["plain"].to_list())
    table = table.with_columns(plain=pl.when(apart).then("spoken").otherwise("plain"))
    given = pl.DataFrame({"raw": series})
    found = given.join(table.select("raw", "plain"), on="raw", how="left", maintain_order="left")
    return found["plain"].alias(series.name)


def is_slip(one: str, other: str) -> bool:
    """Say whether two words differ as by a slip of the finger.

    One letter more, less or other, or two swapped, in words of 5 letters or more; two such in
    words of 12 or more. Words with a digit never do: 17 and 18 are two things.

    References
    ----------
    Damerau (1964), "A technique for computer detection and correction of spelling errors".

    Examples
    --------
    >>> is_slip("address", "adress"), is_slip("recieve", "receive"), is_slip("cup", "cap")
    (True, True, False)
    """
    short, long = sorted((one, other), key=len)
    allowed = 2 if len(short) >= _TWO_SLIPS else 1
    if len(short) < _ONE_SLIP or len(long) - len(short) > allowed:
        return False
    if any(letter.isdigit() for letter in one + other):
        return False
    start = 0
    while start < len(short) and short[start] == long[start]:
        start += 1
    end = 0
    while end < len(short) - start and short[-1 - end] == long[-1 - end]:
        end += 1
    return _edits(short[start : len(short) - end], long[start : len(long) - end]) <= allowed


def _edits(one: str, other: str) -> int:
    """Optimal string alignment distance; what is left after equal ends is mostly short."""
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        older, before, row = before, row, [i]
        for j, b in enumerate(other, start=1):
            best = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                best = min(best, older[j - 2] + 1)
            row.append(best)
    return row[-1]


class Rarity:
    """How often the words of a column occur: hardly anyone makes the slip that another makes."""

    def __init__(self, texts: pl.Series) -> None:
        words = texts.drop_nulls().unique().str.split(" ").list.unique().explode()
        counts = words.alias("word").value_counts(name="n").filter(pl.col("n") > _RARE)
        self._often: dict[str, int] = dict(counts.iter_rows())

    def two_words(self, one: str, other: str) -> bool:
        """Say whether both are words: the rarer is in 3 texts and in 1 of 50 that have the other.

        Examples
        --------
        >>> Rarity(pl.Series(["payment", "payments"])).two_words("payment", "payments")
        False
        """
        rarer, usual = sorted((self._often.get(one, 0), self._often.get(other, 0)))
        return bool(rarer > usual / _SLIPS_IN)


def like_writing(one: str, other: str, rarity: Rarity) -> int | None:
    """Return how many words of two plain texts agree if all others are slips, or None.

    In long texts one word in 20 may be another altogether, unless it holds a digit. Of a pair
    that is called a slip one word must be rare: "payment" and "payments" are both words.

    Examples
    --------
    >>> texts = pl.Series(["i lost my passport today", "i lost my pasport today"])
    >>> like_writing(*texts, Rarity(texts)), like_writing("a b c d", "a b c e", Rarity(texts))
    (4, None)
    """
    if one.replace(" ", "") == other.replace(" ", ""):
        return max(one.count(" "), other.count(" ")) + 1
    mine, yours = Counter(one.split()), Counter(other.split())
    alike = sum((mine & yours).values())
    words = max(sum(mine.values()), sum(yours.values()))
    if words - alike > max(1, words // 10):
        return None
    left, right = list((mine - yours).elements()), list((yours - mine).elements())
    if any(letter.isdigit() for word in (*left, *right) for letter in word):
        return None
    alone = 0
    for word in left:
        match = next((w for w in right if is_slip(word, w) and not rarity.two_words(word, w)), None)
        if match is None:
            alone += 1
        else:
            right.remove(match)
    return alike if max(alone, len(right)) <= words // _FORGIVEN else None
