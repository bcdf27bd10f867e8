"""Other projects' odd mail, and what they expect of it: structure and decoded content, exceptions listed with their reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import pytest

from gatepost.mail.message import from_bytes
from gatepost.mail.mime import Mime
from gatepost.mail.readings import ambiguities, readings
from support import suites_mime
from support.suites_auth import present
from support.suites_mime import MimeCase

_JUNK = "a line that is no field ends the header and begins the body, as Postfix has it; mime4j skips it"
_EMPTY = "the expected files hold a part that the suite's own structure does not have, or none for an empty leaf"
_CUT = "base64 that ends within a group: mime4j drops what there is of it, we keep the whole bytes"

MIME4J: Mapping[str, str] = {
    "frag": _CUT,
    "multi-frag": _CUT,
    "hdr-fakeout": "a line of white space is folding (RFC 5322 4.2); mime4j ends the header there",
    "x-gzip64": "we undo gzip64, which mime4j does not know",
    "basic-plain-with-bad-header-separator": _JUNK,
    "malformedHeader-nocrlfcrlf": _JUNK,
    "malformedHeader-noheader": _JUNK,
    "malformedHeaderStartsBody-nocrlfcrlf": _JUNK,
    "malformedHeaderStartsBody-noheader": _JUNK,
    "ending-boundaries": "text behind a boundary makes the line no delimiter to us; clients differ, which is mime.ambiguous where it matters",
    "missing-inner-boundary": "a multipart without its delimiter stays a leaf, so that nobody hides anything in it; mime4j drops it",
    "missing-inner-start-boundary": "as missing-inner-boundary",
    "multipartemptypart": _EMPTY,
    "multipartnestedemptyparts": _EMPTY,
    "very-very-long-boundary": "a boundary of 7,000 bytes is past limits.BOUNDARY_BYTES",
}
MIMEKIT: Mapping[str, str] = {
    "content-length-022": "we give types in lower case (RFC 2045 5.1), MimeKit as written",
}
MAIL_PARSER: Mapping[str, str] = {
    "rfc-000": "a part that calls itself base64 is decoded; mail-parser gives it back as it stands when it is not whole",
    "thirdparty-002": "white space and replacement characters at the end of a broken UTF-8 text differ",
    "thirdparty-005": "a text in UTF-16 that ends in line ends of one byte each",
    "thirdparty-015": "message/rfc822 in base64 is opened; mail-parser leaves it closed",
}
PYTHON_EMAIL: Mapping[str, str] = {
    "msg_16": "message/delivery-status is one part; Python makes a message of each of its blocks",
    "msg_43": "as msg_16",
    "msg_36": "message/external-body is one part; Python makes a message of what it says about it",
    "msg_37": "two delimiters in a row hold an empty part between them; Python skips it",
    "msg_42": "a multipart without its delimiter stays a leaf with all its bytes; Python gives no content for it",
}

Suite = tuple[Callable[[], Iterator[MimeCase]], Callable[[Mime], tuple[str, ...]], Mapping[str, str], int]
SUITES: Mapping[str, Suite] = {
    "mime4j": (suites_mime.mime4j_cases, suites_mime.contents, MIME4J, 70),
    "mimekit": (suites_mime.mimekit_cases, suites_mime.tree, MIMEKIT, 25),
    "mail-parser": (suites_mime.mail_parser_cases, suites_mime.leaves, MAIL_PARSER, 16),
    "python-email": (suites_mime.python_email_cases, suites_mime.typed_contents, PYTHON_EMAIL, 40),
}

pytestmark = pytest.mark.skipif(not present(), reason="the external suites are not beside the project")


@pytest.mark.parametrize("suite", SUITES)
def test_structure_and_content_are_as_the_suite_expects(suite: str) -> None:
    """Each message has the parts, and each part the decoded content, that others expect; exceptions still are exceptions."""
    cases, view, exceptions, least = SUITES[suite]
    differing = set()
    seen = 0
    for case in cases():
        seen += 1
        if view(suites_mime.parsed(case)) != case.wanted:
            differing.add(case.name)
    assert seen >= least
    assert differing == set(exceptions)


def test_no_message_of_any_suite_is_too_odd() -> None:
    """Every message of every suite is read in every way without an exception, within limits, and gives the same twice."""
    count = 0
    for name, data in suites_mime.every_message():
        count += 1
        message = from_bytes(data)
        first = [reading.data for reading in readings(message)]
        assert first == [reading.data for reading in readings(message)], name
        assert ambiguities(message) == ambiguities(from_bytes(data)), name
    assert count >= 300
