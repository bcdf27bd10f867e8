"""Passwords that a message gives are found, whatever the language and the form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gatepost.checks.attachments.passwords import candidates, quoted_passwords
from gatepost.mail import file_limits
from gatepost.mail.message import from_bytes

SENTENCES = [
    ("Xy7!abc", "Password: Xy7!abc"),
    ("1234567", "the password is 1234567."),
    ("geheim", "Das Passwort lautet geheim"),
    ("geheim99", "Passwort für die Datei:\n\n  geheim99\n"),
    ("X9", "Kennwort\tX9"),
    ("abc123", "Le mot de passe est : abc123"),
    ("q1w2", "contraseña: q1w2"),
    ("B@nk2024", "Contraseña del archivo = B@nk2024 , saludos"),
    ("senha77", "A senha do arquivo é senha77"),
    ("apri", "La password per aprire il file: apri"),
    ("open9", "Het wachtwoord is open9"),
    ("tajne", "Heslo k souboru je tajne."),
    ("haslo1", "Hasło do pliku: haslo1"),
    ("sifre12", "Dosya şifresi: sifre12"),
    ("привет1", "Пароль от архива: привет1"),
    ("kod7", "Κωδικός: kod7"),
    ("3344", "סיסמה: 3344"),
    ("a1b2", "كلمة المرور: a1b2"),
    ("abc123", "密码是abc123。"),
    ("7788", "解压密码：7788"),
    ("pass1", "パスワードは「pass1」です"),
    ("5567", "비밀번호: 5567"),
    ("matkhau1", "Mật khẩu giải nén là matkhau1"),
    ("rahasia", "Kata sandi: rahasia"),
    ("0099", "Please use 0099 as password"),
    ("2024", "Use the code 2024 to open"),
    ("hunter2", "Please use hunter2 to unlock it"),
    ("s3cret word", 'password: "s3cret word"'),
    ("secret1", "**Password:** `secret1`"),
    ("P@ss, word", "pass: <P@ss, word>"),
    ("Test.", "pw: Test."),
    ("qwe", "Passwort:qwe"),
    ("KL88", "password=KL88"),
    ("xk29", "Archive pass - xk29"),
]


@pytest.mark.parametrize(("password", "sentence"), SENTENCES)
def test_a_password_in_a_sentence_is_found_early(password, sentence) -> None:
    """The password is among the first that are tried, also in the middle of a letter."""
    assert password in quoted_passwords([sentence], [])[:5]
    letter = f"Dear customer,\nplease find the invoice attached.\n{sentence}\nKind regards\n"
    assert password in quoted_passwords([letter], ["invoice.zip"])


@pytest.mark.parametrize(("password", "name"), [("8821", "invoice_pw_8821.zip"), ("7788", "Scan (7788).zip")])
def test_a_password_in_a_file_name_is_found(password, name) -> None:
    """Senders put it where the receiver looks anyway."""
    assert password in quoted_passwords(["see attached"], [name])


def test_customary_passwords_are_always_tried() -> None:
    """Without a word in the message, and after all that it says."""
    said = quoted_passwords(["password " + f"{number}x1 password " * 3 for number in range(100)], [])
    assert {"infected", "1234"} <= set(said)
    assert "infected" in quoted_passwords([], [])
    assert len(said) <= file_limits.PASSWORDS


MESSAGE = b"""Subject: =?utf-8?B?%s?=
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/html; charset=utf-8

<p>Passwort: <b>gehe&amp;im</b></p>
--b
Content-Type: application/zip; name="scan_4711.zip"

PK
--b--
""" % __import__("base64").b64encode("Пароль: тема".encode())


def test_subject_text_and_names_are_read() -> None:
    """Encoded subjects are decoded, tags and entities undone, names of files split."""
    assert {"gehe&im", "тема", "4711"} <= set(candidates(from_bytes(MESSAGE)))


def test_a_text_that_is_attached_is_read() -> None:
    """A password that comes in a file of its own is tried as well, after those that the letter gives."""
    for field in (b'text/plain; name="read me.txt"', b'application/octet-stream; name="read me.txt"'):
        part = b"\n--b\nContent-Type: " + field + b"\n\nPassword: sesame4you\n--b--\n"
        assert "sesame4you" in candidates(from_bytes(MESSAGE.replace(b"\n--b--\n", part)))


@given(st.lists(st.text(max_size=2_000), max_size=4), st.lists(st.text(max_size=300), max_size=3))
def test_any_text_gives_a_bounded_list(texts, names) -> None:
    """Whatever is written: no exception, no repeats, no more than the limits allow."""
    said = quoted_passwords(texts, names)
    assert len(said) == len(set(said)) <= file_limits.PASSWORDS
    assert all(0 < len(password) <= file_limits.PASSWORD_CHARACTERS for password in said)
