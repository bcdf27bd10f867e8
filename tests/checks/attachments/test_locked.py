"""Encrypted archives: told apart by whether the message gives the password, and never taken for clean."""

import base64

import pikepdf
import pytest

from gatepost.mail import file_limits
from support import archives
from support import files as documents
from support.archives import HELLO
from support.unpacking import all_words, look_into, shape, words

PASSWORD = "S3cret-"
LOCKED = {
    "zip, the old way": lambda: archives.zipped_with_password(HELLO, PASSWORD, "zipcrypt"),
    "zip, AES 128": lambda: archives.zipped_with_password(HELLO, PASSWORD, "aes128"),
    "zip, AES 256": lambda: archives.zipped_with_password(HELLO, PASSWORD, "aes256"),
    "7z": lambda: archives.seven_zipped(HELLO, PASSWORD),
    "7z with hidden names": lambda: archives.seven_zipped(HELLO, PASSWORD, hide_names=True),
    "rar4": lambda: archives.rar4_locked(HELLO, PASSWORD),
    "rar5": lambda: archives.rar5_locked(HELLO, PASSWORD),
    "rar5 with hidden names": lambda: archives.rar5_locked(HELLO, PASSWORD, hide_names=True),
}
NAMELESS = {"7z with hidden names", "rar5 with hidden names"}


@pytest.mark.parametrize("kind", LOCKED)
def test_the_right_password_opens_it(kind) -> None:
    """What the message's password opens is looked into, told as such, and handed to the scanner."""
    examined = look_into(LOCKED[kind](), "x", ["wrong", PASSWORD, "1234"])
    inside = examined.items[-1]
    assert (inside.name, inside.size) == ("hello.txt", 280)
    assert all_words(examined) == {"decrypted"}
    assert examined.inner[-1].content == HELLO["hello.txt"]


@pytest.mark.parametrize("kind", LOCKED)
@pytest.mark.parametrize("passwords", [(), ("wrong", "1234")])
def test_without_it_the_names_are_all_that_is_known(kind, passwords) -> None:
    """An archive that stays closed is told, with the names of what is in it where they can be read."""
    examined = look_into(LOCKED[kind](), "x", passwords)
    assert all_words(examined) == {"encrypted"}
    assert not any(inner.content for inner in examined.inner)
    names = {item.name for item in examined.items[1:]}
    assert names == (set() if kind in NAMELESS else {"hello.txt"})


@pytest.mark.parametrize("maker", [archives.rar4, archives.rar5])
def test_a_locked_rar_archive_is_told(maker) -> None:
    """What is encrypted in a RAR archive is not taken for content."""
    examined = look_into(maker(HELLO, encrypted=True), "x.rar", [PASSWORD])
    assert "encrypted" in all_words(examined)
    assert not any(item.sha256 for item in examined.items[1:])


def test_an_archive_within_a_locked_one_is_opened_with_the_same_passwords() -> None:
    """Locked twice: both are opened, and the path says where."""
    inner = archives.zipped_with_password(HELLO, "inner")
    data = archives.seven_zipped({"in.zip": inner}, PASSWORD)
    examined = look_into(data, "x.7z", ["inner", PASSWORD])
    assert set(shape(examined)) == {("in.zip",), ("in.zip", "hello.txt")}


def test_members_may_have_different_passwords() -> None:
    """Each member of an archive is tried with all of them."""
    first = archives.zipped_with_password({"a.txt": b"a" * 50}, "one")
    second = archives.zipped_with_password({"b.txt": b"b" * 50}, "two")
    data = archives.zipped({"1.zip": first, "2.zip": second, "3.zip": archives.zipped_with_password(HELLO, "three")})
    examined = look_into(data, "x.zip", ["two", "one"])
    assert {item.name: words(item) for item in examined.items if item.name.endswith("txt")} == {
        "a.txt": {"decrypted"},
        "b.txt": {"decrypted"},
        "hello.txt": {"encrypted"},
    }


def test_a_password_of_any_script_is_tried() -> None:
    """Passwords are given to the archive as UTF-8."""
    data = archives.zipped_with_password(HELLO, "пароль密码")
    assert all_words(look_into(data, "x.zip", ["пароль密码"])) == {"decrypted"}


def test_every_wrong_password_is_turned_down() -> None:
    """The older ZIP encryption lets one wrong password in 256 pass its first check: the checksum decides."""
    data = archives.zipped_with_password(HELLO, PASSWORD, "zipcrypt")
    for number in range(600):
        assert "decrypted" not in all_words(look_into(data, "x.zip", [str(number)]))


def test_some_members_may_be_open() -> None:
    """An archive of which only a part is locked gives the rest."""
    locked = archives.zipped_with_password({"locked.txt": b"x" * 30}, PASSWORD)
    examined = look_into(archives.zipped({"open.txt": b"text", "locked.zip": locked}), "x.zip")
    assert {item.name: words(item) for item in examined.items[1:]} == {
        "open.txt": set(),
        "locked.zip": set(),
        "locked.txt": {"encrypted"},
    }


def test_what_a_letter_or_a_note_says_opens_what_is_beside_it() -> None:
    """The password that an attached message gives, or a short text in the archive around, is tried on the files there."""
    locked = archives.zipped_with_password(HELLO, "sesame4you")
    letter = (
        b"From: a@b.example\r\nSubject: x\r\nContent-Type: multipart/mixed; boundary=q\r\n\r\n--q\r\n\r\nPassword: sesame4you\r\n--q\r\n"
        b"Content-Type: application/zip; name=b.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(locked)
        + b"--q--\r\n"
    )
    noted = archives.zipped({"a.txt": b"The password is sesame4you.", "b.zip": locked})
    for data, name in ((letter, "a.eml"), (noted, "a.zip")):
        assert "decrypted" in all_words(look_into(data, name))
    many = {f"{number}.txt": b"note %d" % number for number in range(file_limits.PASSWORD_NOTES)}
    late = archives.zipped({**many, "a.txt": b"The password is sesame4you.", "b.zip": locked})
    assert "encrypted" in all_words(look_into(late, "a.zip"))


def test_documents_are_tried_within_the_time_for_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """A document that takes long for each password counts as encrypted when that time is over, as an archive does."""
    monkeypatch.setattr("gatepost.checks.attachments.keys.TRYING_SECONDS", 0.0)
    for name, data in (
        ("a.docx", documents.encrypted_docx("infected")),
        ("a.pdf", documents.pdf(encryption=pikepdf.Encryption(user="infected", owner="x"))),
    ):
        assert "encrypted" in all_words(look_into(data, name, ["infected"]))
