"""The demo shows what it promises."""

from __future__ import annotations

import pytest

import demo


@pytest.mark.mta
@pytest.mark.servers
@pytest.mark.parametrize("where", [] if demo.cannot_run() else ["here"])
def test_eight_messages_meet_their_fate(where: str, capsys: pytest.CaptureFixture[str]):
    """Signed mail, newsletter, bounce and foreign mail arrive unflagged; spoof, spam, phish and virus do not."""
    assert demo.main() == 0, capsys.readouterr().out
    assert "dmarc=pass" in capsys.readouterr().out


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Without Postfix the demo says what to install and ends with 2."""
    monkeypatch.setattr(demo, "missing", lambda: "Postfix is not installed (Debian: apt-get install postfix)")
    assert demo.main() == 2
    assert "apt-get install postfix" in capsys.readouterr().out
