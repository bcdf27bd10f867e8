"""[milter]: defaults, bounds, and addresses to listen on."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gatepost.arrival.settings import Settings, parse_listen


@pytest.mark.parametrize(
    ("text", "shown", "milter"),
    [
        ("inet:127.0.0.1:8890", "inet:127.0.0.1:8890", "inet:8890@127.0.0.1"),
        ("inet:8890", "inet:0.0.0.0:8890", "inet:8890"),
        ("inet:localhost:8890", "inet:localhost:8890", "inet:8890@localhost"),
        ("inet:[::1]:8890", "inet:[::1]:8890", "inet6:8890@::1"),
        ("inet6:[::1]:8890", "inet:[::1]:8890", "inet6:8890@::1"),
        ("unix:/run/gatepost/milter", "unix:/run/gatepost/milter", "unix:/run/gatepost/milter"),
    ],
)
def test_listen_in_three_notations(text, shown, milter):
    """An address is read, shown as Postfix writes it, and given to libmilter as Sendmail writes it."""
    assert str(parse_listen(text)) == shown
    assert parse_listen(text).milter == milter


@pytest.mark.parametrize(
    "text",
    ["", "8890", "inet:127.0.0.1", "inet:0", "inet:h:65536", "inet:h:-1", "unix:relative", "inet:[zz]:1", "inet6:[:::]:1",
     "unix:/" + "x" * 120, "tcp:1", "inet:a b:1", "unix:/a\nb"],
)  # fmt: skip
def test_listen_that_cannot_be(text):
    """Anything else is refused by the config, with a sentence."""
    with pytest.raises(ValidationError):
        Settings(listen=text)


@given(st.text(max_size=40))
def test_any_listen_is_read_or_refused(text):
    """No text raises anything but ValueError."""
    try:
        found = parse_listen(text)
    except ValueError:
        return
    assert parse_listen(str(found)) == found or found.family == "inet"


@pytest.mark.parametrize(
    "wrong",
    [{"workers": 0}, {"workers": 65}, {"on_error": "discard"}, {"own_networks": ["192.0.2.1/24"]}, {"message_seconds": 300},
     {"socket_mode": "0999"}, {"socket_mode": "0066"}, {"authserv_id": "a;b"}, {"user": "a b"}, {"unknown": 1}],
)  # fmt: skip
def test_bounds(wrong):
    """What is out of bounds or unknown is refused."""
    with pytest.raises(ValidationError):
        Settings.model_validate(wrong)


def test_every_setting_explains_itself():
    """Each setting has a sentence and works unset."""
    Settings()
    assert all(len(field.description or "") > 20 for field in Settings.model_fields.values())
