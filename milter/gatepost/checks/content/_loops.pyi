"""What the compiled loops give (loops/*.c): packaging/build_hook.py compiles them when the project is installed."""

from typing import Final, Self, TypeAlias

import numpy as np
import numpy.typing as npt

_Floats: TypeAlias = npt.NDArray[np.float64]

LONGEST: Final[int]
"""Letters of the longest word that is one; what is longer is code, not language."""

class Lexicon:
    """Words known before any mail is read, given with spaces between them: at most 32 bytes each.

    Takes words to leave out, common words, and words that spam sells and writes in disguise. Raises ValueError for a
    longer one.
    """

    def __new__(cls, stop: str, common: str, sold: str, /) -> Self: ...
    def cut(self, text: str, /) -> tuple[bytes, list[bytes]]:
        """Cut lower-case ASCII text into words, with a space between them, and give the disguised ones as they are written."""

    def keep(self, pieces: str, /) -> tuple[bytes, list[bytes]]:
        """Give the same for pieces that are cut already and stand between spaces; what is not ASCII, or `#4`, is kept as it is."""

    def sift(self, words: bytes, own: bytes, /) -> tuple[bytes, int, list[str]]:
        """Leave `own` words out of a text with a space between words; gives how many stay, and those that the lexicon knows."""

def spells(text: bytes, /) -> bool:
    """Say whether UTF-8 text may spell a word: four single characters with the same separator (space, . * _ -) between each two."""

def survey_text(text: bytes, /) -> tuple[int, ...]:
    """Count what UTF-8 text is made of, in the order of looks.Letters. Raises ValueError for more than 500 MB."""

def survey_page(source: bytes, /) -> tuple[int, ...]:
    """Count what HTML is made of, in the order of markup.Build."""

def prepare_page(source: bytes, /) -> tuple[bytes, list[str]]:
    """Rename formatting elements to `span` and links to `anchor`, and put a space before elements that begin a line or cell.

    Gives the page and the names of elements in it whose content is not shown.
    """

def list_styles(source: bytes, /) -> tuple[set[str], set[str], set[str]] | None:
    """Give the values of the attributes `style`, `color` and `bgcolor` of HTML in UTF-8, wherever one of those may stand.

    Gives None where the source alone does not tell them: character references, a value of 2,000 bytes, more than 5,000 values.
    """

def skeleton(word: str, /) -> str:
    """Give what a lower-case word looks like: signs and digits as letters, l as i."""

def number_tokens(words: bytes, first: int, room: int, /) -> tuple[bytes, bytes, bytes]:
    """Give a number to each distinct word, then pair of neighbours, of a text with a space between words.

    The first token is `first`, and at most `room` are kept. Gives their CRC-32 (uint32 each), their spans in the text (two
    uint32 each), and for each word which token it is and which it begins (two rows of int32; -1 for none). Raises
    ValueError for more than 500 MB.
    """

def hash_all(names: tuple[bytes, ...], behind: npt.NDArray[np.uint32], /) -> bytes:
    """Give the CRC-32 of each name (uint32 each), and behind them others that are known already."""

def weigh(
    hashes: npt.NDArray[np.uint32], table: npt.NDArray[np.void], most: int, inside: npt.NDArray[np.bool_] = ..., /
) -> tuple[int, int, int, int, list[int], list[float]]:
    """Sum what a model knows of tokens: how many it knows, the sum of their weights for each head, and the `most` strongest.

    Those are told by their places and by their weights for the first head, strongest first, none of which is 0. Takes hashes, the
    records of a model, a power of two of them, and which tokens alone are to count. Raises ValueError where that does not fit.
    """

def look_up(hashes: npt.NDArray[np.uint32], table: npt.NDArray[np.void], /) -> bytes:
    """Give two rows of float64, a column for each token: 1 where the model knows it, and its weight for the first head.

    Takes hashes and the records of a model, a power of two of them. Raises ValueError where they are none.
    """

def strongest(weights: _Floats, most: int, /) -> list[int]:
    """Give which of the weights are furthest from 0, strongest first; none that is 0."""

def sum_stretches(places: npt.NDArray[np.int32], weights: _Floats, rows: int, step: int, /) -> bytes:
    """Sum `rows` of weights over each stretch of two steps of words, every token once: float64, a row for each.

    Takes places as number_tokens gives them. Raises ValueError where they name a token without a weight.
    """

def members_of(places: npt.NDArray[np.int32], tokens: int, first: int, last: int, /) -> bytes:
    """Give a byte for each of so many tokens: 1 where it stands in words `first` to `last` (exclusive), or nowhere.

    Raises ValueError where the places name other tokens, or there are not so many words.
    """
