"""What goes into the jail and comes out of it: whole, and checked as a stranger's word."""

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.checks.attachments.bounds import Bounds
from gatepost.checks.attachments.item import Finding, Item
from gatepost.checks.attachments.wire import Examined, decode_answer, decode_request, encode_answer, encode_request
from gatepost.mail.message import Inner
from gatepost.mail.readings import Reading

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)
readings = st.builds(Reading, st.integers(1, 99), texts, texts, st.binary(max_size=200))
findings = st.builds(Finding, texts, texts)
items = st.builds(
    Item,
    st.integers(1, 99),
    st.lists(texts, max_size=3).map(tuple),
    texts,
    texts,
    st.integers(0, 2**40),
    texts,
    st.tuples(findings),
)
inners = st.builds(Inner, texts, st.binary(max_size=50), texts, st.lists(texts, max_size=2).map(tuple), texts)


@given(st.lists(readings, max_size=4), st.lists(texts, max_size=3))
def test_a_request_comes_out_as_it_went_in(files, passwords) -> None:
    """Files, passwords and bounds survive the way, whatever they hold."""
    request = decode_request(memoryview(b"".join(encode_request(files, passwords, Bounds(depth=7)))))
    assert list(request.files()) == files
    assert request.passwords == tuple(passwords)
    assert request.bounds == Bounds(depth=7)


@given(st.lists(items, max_size=3), st.lists(inners, max_size=3), st.lists(findings, max_size=2))
def test_an_answer_comes_out_as_it_went_in(found, inner, trouble) -> None:
    """Items, what is laid open and trouble survive the way."""
    examined = Examined(tuple(found), tuple(inner), tuple(trouble))
    assert decode_answer(encode_answer(examined)) == examined


def test_text_that_no_encoding_holds_is_replaced() -> None:
    """Lone surrogates, which libraries make of broken text, do not cost the answer."""
    answer = encode_answer(Examined((Item(1, ("a\udc80b",), "", "text", 0, ""),), (Inner("x", text="\ud800"),)))
    assert decode_answer(answer).items[0].name == "a?b"


@given(st.binary(max_size=200))
def test_any_bytes_are_an_answer_or_a_value_error(data) -> None:
    """A process that was taken over can say what it likes: it is refused, not obeyed."""
    for hostile in (data, struct.pack("!Q", len(data)) + data, struct.pack("!Q", 2) + b"{}" + data):
        try:
            decode_answer(hostile)
        except ValueError:
            continue
        pytest.fail("nothing of this is an answer")


@pytest.mark.parametrize(
    "head",
    [
        {"items": [], "shown": [{"source": "", "text": "", "urls": [], "sha256": "", "size": -1}], "trouble": []},
        {"items": [], "shown": [{"source": "", "text": "", "urls": [], "sha256": "", "size": 5}], "trouble": []},
        {"items": [{"part": "1"}], "shown": [], "trouble": []},
        {"items": [[1, ["x"], "", "zip", 1, "", []]], "shown": [], "trouble": []},
        {"items": None, "shown": [], "trouble": []},
        [],
    ],
)
def test_an_answer_of_another_form_is_refused(head) -> None:
    """Types and sizes are checked, each of them."""
    data = json.dumps(head).encode()
    with pytest.raises(ValueError, match=r"."):
        decode_answer(struct.pack("!Q", len(data)) + data)
