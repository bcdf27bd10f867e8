"""Passwords that a message gives for its own attachments.

Malware is sent in encrypted archives so that no scanner looks inside, and then the message must say the password: "Password:
1234", "Das Passwort lautet ...", "密码：...". So must honest mail that thinks a password in the same message keeps a secret.
What stands near a word for "password" is tried; a wrong guess costs milliseconds.

The words are those of the languages in which mail is sent most, matched without regard to case and accents as they are written.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from typing import Final

from gatepost.checks.attachments.names import extension
from gatepost.mail import file_limits
from gatepost.mail.charset import to_text
from gatepost.mail.message import Message

_WORDS: Final = (
    # Latin scripts
    *"password passwort passcode passphrase passwd paswoord passord kennwort pwd pword pass pw".split(),
    *"wachtwoord toegangscode lösenord losenord adgangskode kodeord lykilorð salasana parool parole parolă parola".split(),
    *"contraseña contrasena clave senha palavra-passe contrasenya pasahitza mdp hasło haslo heslo geslo lozinka zaporka".split(),
    *"šifra sifra slaptažodis jelszó jelszo şifre sifre şifrə fjalëkalim fjalëkalimi sandi nenosiri wagwoord focalfaire".split(),
    *("mot de passe", "code d'accès", "code d’accès", "chave de acesso", "parola d'ordine", "mật khẩu", "kata laluan"),
    *("access code", "zip code", "unlock code", "pin code", "pin", "code", "key"),
    # Cyrillic, Greek
    *"пароль пароля паролем парол парола парооль лозинка шифра гасло құпиясөз нууцүг κωδικός κωδικό συνθηματικό".split(),
    # Hebrew, Arabic, Persian, Urdu
    *("סיסמה", "סיסמא", "הסיסמה", "كلمة المرور", "كلمة السر", "الرقم السري", "رمز عبور", "گذرواژه", "پاس ورڈ"),
    # East and South Asia
    *"密码 密碼 口令 解压密码 提取码 パスワード 暗証番号 비밀번호 암호 패스워드 รหัสผ่าน पासवर्ड পাসওয়ার্ড கடவுச்சொல்".split(),
)
_WORD: Final = re.compile(
    r"(?<![^\W\d_])(?:" + "|".join(sorted(map(re.escape, _WORDS), key=len, reverse=True)) + r")", re.IGNORECASE
)

# What stands between the word and the password, and is none.
_FILLERS: Final = frozenset(
    "is are to for the a an of in and or with use using your this that it from below following file files archive zip attachment "
    "attached document open unlock here please enter will be protected protect code number ist lautet das der die den dem und für fur zum "
    "zur mit im ihr ihre datei archiv öffnen est le la les un une du de des pour et avec votre fichier es el los para con por su archivo "
    "abrir é o os do da e com seu arquivo è il lo per di del della questo file aperto het voor met om te openen bestand är att för "
    "til er at å jest do plik hasłem je pro k na и для к от на файла файл архива архив это 是 为 爲 為 は です".split()
)
_BRACKETS: Final = "\"'`´‘’“”„‚«»‹›「」『』【】()[]{}<>*_|"
_EDGES: Final = _BRACKETS + ":;,.!?=-–—→>：。，、；"
_QUOTED: Final = re.compile(
    r"\"([^\"\n]{1,64})\"|'([^'\n]{1,64})'|`([^`\n]{1,64})`|“([^”\n]{1,64})”|„([^“”\n]{1,64})[“”]|«([^»\n]{1,64})»|‘([^’\n]{1,64})’"
    r"|「([^」\n]{1,64})」|【([^】\n]{1,64})】|\*([^*\n]{1,64})\*|<([^>\n]{1,64})>|\[([^\]\n]{1,64})\]|\(([^)\n]{1,64})\)"
)
_RUN: Final = re.compile(r"[!-~]{3,64}")
_IN_NAME: Final = re.compile(r"[A-Za-z0-9@#$!]{3,32}")
_LOOKS_LIKE_ONE: Final = re.compile(r"(?=[^\s]{0,30}\d)(?=[^\s]{0,30}[A-Za-z])[A-Za-z0-9@#$%&!?+*_.-]{5,30}|\d{3,8}")
_TAGS: Final = re.compile(r"<[^<>]{0,2000}>")

_CUSTOMARY: Final = ("infected", "1234", "12345", "123456", "123", "password", "0000", "malware", "virus")
"""What samples and campaigns use when the message says nothing; "infected" is the custom of those who send malware to study."""

_BEHIND_CHARACTERS: Final = 120
_BEFORE_CHARACTERS: Final = 60
_TOKENS_BEHIND: Final = 5
_TOKENS_BEFORE: Final = 3
_WORDS_FOUND: Final = 20


def candidates(message: Message) -> tuple[str, ...]:
    """Give the passwords to try on a message's files, the likeliest first, at most file_limits.PASSWORDS; never raises."""
    names = [part.filename for part in message.mime.leaves() if part.filename]
    return quoted_passwords([message.text(b"subject"), *_texts(message)], names)


def _texts(message: Message) -> Iterator[str]:
    """Give the text parts that a reader sees, tags removed, and behind them the texts that are attached (`password.txt`)."""
    attached: list[str] = []
    for part in message.mime.leaves():
        if part.filename and (part.content_type == "text/plain" or extension(part.filename) == "txt"):
            attached.append(to_text(part.payload(file_limits.PASSWORD_TEXT_CHARACTERS), part.charset))
        elif part.content_type in {"text/plain", "text/html"} and not part.filename:
            text = to_text(part.payload(file_limits.PASSWORD_TEXT_CHARACTERS), part.charset)
            if part.content_type == "text/html":
                text = html.unescape(_TAGS.sub(" ", text))
            yield text
    yield from attached


def quoted_passwords(texts: Iterable[str], names: Iterable[str]) -> tuple[str, ...]:
    """Give the passwords that texts and file names give, the likeliest first, then the customary ones."""
    found: dict[str, None] = {}
    kept: list[str] = []
    left = file_limits.PASSWORD_TEXT_CHARACTERS
    for text in texts:
        kept.append(text[:left])
        left -= len(kept[-1])
    for text in kept:
        for candidate in _near_words(text):
            _keep(found, candidate)
    room = file_limits.PASSWORDS - len(_CUSTOMARY)
    first = list(found)[:room]
    more: dict[str, None] = dict.fromkeys(first)
    for candidate in _hints(kept, names):
        if len(more) >= room:
            break
        _keep(more, candidate)
    return tuple(dict.fromkeys((*more, *_CUSTOMARY)))[: file_limits.PASSWORDS]


def _keep(found: dict[str, None], candidate: str) -> None:
    if candidate and len(candidate) <= file_limits.PASSWORD_CHARACTERS:
        found.setdefault(candidate)


def _near_words(text: str) -> Iterator[str]:
    """Give what stands behind each word for "password", then what stands in front of it."""
    matches = [match for _, match in zip(range(_WORDS_FOUND), _WORD.finditer(text), strict=False)]
    for match in matches:
        yield from _behind(text[match.end() : match.end() + _BEHIND_CHARACTERS])
    for match in matches:
        yield from _before(text[max(0, match.start() - _BEFORE_CHARACTERS) : match.start()])


def _behind(window: str) -> Iterator[str]:
    """Give the tokens behind a word: first what is quoted, then the words that are no fillers."""
    for quoted in _QUOTED.finditer(window):
        yield next(group for group in quoted.groups() if group is not None).strip()
    tokens = [token for token in window.split() if token.strip(_EDGES).casefold() not in _FILLERS]
    for token in tokens[:_TOKENS_BEHIND]:
        yield from _forms(token)
    if (run := _RUN.search(window)) is not None:
        # Scripts without spaces: 密码是abc123。
        yield from _forms(run[0])


def _before(window: str) -> Iterator[str]:
    """Give the tokens in front of a word, nearest first: "1234 is the password"."""
    tokens = [token for token in window.split() if token.strip(_EDGES).casefold() not in _FILLERS]
    for token in reversed(tokens[-_TOKENS_BEFORE:]):
        yield from _forms(token)


def _forms(token: str) -> Iterator[str]:
    """Give a token without what surrounds it, and as it stands: a full stop may end the sentence or the password."""
    bare = token.strip(_EDGES)
    if bare and any(character.isalnum() for character in bare):
        yield bare
    trimmed = token.lstrip(":=：").strip(_BRACKETS)
    if trimmed != bare:
        yield trimmed
    if bare and (inner := bare.rpartition(":")[2].rpartition("=")[2]) and inner != bare:
        yield inner


def _hints(texts: list[str], names: Iterable[str]) -> Iterator[str]:
    """Give what may be a password without being called one: parts of file names, and words in the text that look like one."""
    for name in names:
        stem = name.rpartition(".")[0] or name
        yield from reversed(_IN_NAME.findall(stem[-file_limits.NAME_CHARACTERS :]))
        yield stem
    for text in texts:
        for _, match in zip(range(file_limits.PASSWORDS), _LOOKS_LIKE_ONE.finditer(text), strict=False):
            yield match[0].strip(_EDGES)
