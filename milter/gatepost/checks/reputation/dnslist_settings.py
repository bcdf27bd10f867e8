"""The `[dnslists]` table of the config: which DNS lists are asked, and what their answers mean.

None is asked unless the administrator names it: several providers allow their lists to small or paying sites alone, none of them
answers through a public resolver, and every question tells the provider who writes to the site.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from gatepost.mail.domain import normal_domain
from gatepost.mail.suffix import registrable

Kind = Literal["address", "domain", "link"]

REFUSALS = ("127.255.255.252", "127.255.255.254", "127.255.255.255", "127.0.0.1")
"""Answers that say "you may not ask": Spamhaus for a mistyped zone, a public resolver and too many questions, URIBL and SURBL
for a blocked resolver. 127.0.0.1 is never a listing (RFC 5782 5)."""

_KEYED_LABELS = 5
_KEY_LETTERS = 16


def _zone(text: str) -> str:
    name = normal_domain(text)
    if not name:
        raise ValueError("not a domain name")
    return name


def public_zone(zone: str) -> str:
    """Give a zone without the key of a paid list, for its administrator: `KEY.zen.dq.spamhaus.net`, `KEY.combined.mail.abusix.zone`.

    The key is the first label of a name with more labels than that of any public list, or one as long as only keys are. What
    others may read has DnsList.title, which takes no such chance.
    """
    first, _, rest = zone.partition(".")
    keyed = zone.count(".") + 1 >= _KEYED_LABELS or len(first) >= _KEY_LETTERS
    return rest if keyed and rest else zone


def _pattern(text: str) -> str:
    span(text)
    return text


def span(text: str) -> tuple[int, int, int]:
    """Read a pattern of answers: an address, `LOW-HIGH`, or `&BITS` of the last octet; gives low, high and bits (0: none).

    Raises ValueError for anything else, and for what lies outside 127.0.0.0/8.
    """
    if text.startswith("&"):
        bits = int(text[1:])
        if not 0 < bits < 256:
            raise ValueError("bits of the last octet are from 1 to 255")
        return int(IPv4Address("127.0.0.2")), int(IPv4Address("127.255.255.251")), bits
    low, dash, high = text.partition("-")
    first = IPv4Address(low.strip())
    last = IPv4Address(high.strip()) if dash else first
    if not (first.is_loopback and last.is_loopback and first <= last):
        raise ValueError("answers of a DNS list are addresses in 127.0.0.0/8, the lower one first")
    return int(first), int(last), 0


Answers = Annotated[str, Field(min_length=2, max_length=40), AfterValidator(_pattern)]


class Meaning(BaseModel, frozen=True, extra="forbid"):
    """One answer, or several that mean the same."""

    answer: Answers = Field(
        description="`127.0.0.2`, `127.0.0.4-127.0.0.7`, or `&8` for a bit of the last octet (lists that add up their reasons)."
    )
    text: str = Field(default="listed", min_length=1, max_length=100, description="What it means, for people.")
    share: float = Field(
        default=1.0, ge=0.0, le=1.0, description="How much of the weight of `dnslist.*` such a listing has; 0: none."
    )


class DnsList(BaseModel):
    """[[dnslists.list]]: a list of your own choice, or a known one in another zone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(
        default="",
        max_length=60,
        description="Its name for people; empty: the built-in list's that it is like, else its zone without the first label, "
        "where providers put your key.",
    )
    zone: Annotated[str, AfterValidator(_zone)] = Field(
        max_length=250, description="The zone under which it is asked, such as KEY.zen.dq.spamhaus.net."
    )
    like: str = Field(
        default="",
        max_length=60,
        description="A built-in list whose kinds and answers this one has, where they are not given here.",
    )
    kinds: tuple[Kind, ...] = Field(
        default=(),
        max_length=3,
        description="What it lists: client addresses (`address`), domains of senders (`domain`), domains of links (`link`).",
    )
    answers: tuple[Meaning, ...] = Field(
        default=(),
        max_length=64,
        description="What its answers mean, tables of answer, text and share (0 to 1); empty: every answer is a listing.",
    )
    refusals: tuple[Answers, ...] = Field(
        default=(), max_length=16, description="Answers that say that you may not ask, beside the usual ones."
    )
    welcome: bool = Field(default=False, description="A list of good senders: being on it speaks for a message.")
    test: str = Field(
        default="",
        max_length=250,
        description="A name or address that is always listed, which `gatepost status` asks for.",
    )

    @property
    def title(self) -> str:
        """Its name for people, which reaches headers, records and logs: never the label where a key may stand."""
        if self.name or self.zone == registrable(self.zone):
            return self.name or self.zone
        return self.zone.partition(".")[2]

    def hide(self, text: str) -> str:
        """Give a text for people with the zone replaced by the name: a key in it is not theirs."""
        return text.replace(self.zone, self.title)


class DnsListSettings(BaseModel):
    """Lists of addresses and domains that others keep, asked over DNS."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    use: tuple[str, ...] = Field(
        default=(),
        max_length=16,
        description="Built-in lists to ask, by name: spamhaus-zen, spamhaus-dbl, surbl, uribl, spamcop, psbl, barracuda, "
        "dnswl. Read the provider's terms first; none answers through a public resolver.",
    )
    list: tuple[DnsList, ...] = Field(default=(), max_length=16, description="Further lists.")

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name in (*self.use, *(each.like for each in self.list if each.like)):
            if name not in PRESETS:
                raise ValueError(f"{name!r} is not a built-in list; there are {', '.join(PRESETS)}")
        for each in self.list:
            if not (each.kinds or each.like):
                raise ValueError(f"list {each.title!r} needs `kinds` or `like`")
        return self

    @property
    def active(self) -> tuple[DnsList, ...]:
        """The lists to ask, complete, each with a title of its own."""
        return _told_apart((*(PRESETS[name] for name in self.use), *(_completed(each) for each in self.list)))


def _completed(given: DnsList) -> DnsList:
    """Give a list with what it has from the one it is like."""
    if not given.like:
        return given
    base = PRESETS[given.like]
    own = {name: getattr(given, name) for name in given.model_fields_set if name != "like"}
    return base.model_copy(update=own)


def _told_apart(lists: Iterable[DnsList]) -> tuple[DnsList, ...]:
    """Give lists of one title numbers from the second on."""
    found: dict[str, DnsList] = {}
    for each in lists:
        title, number = each.title, 1
        while title in found:
            number += 1
            title = f"{each.title} ({number})"
        found[title] = each if number == 1 else each.model_copy(update={"name": title})
    return tuple(found.values())


def _of(*answers: tuple[str, str, float]) -> tuple[Meaning, ...]:
    return tuple(Meaning(answer=answer, text=text, share=share) for answer, text, share in answers)


PRESETS: dict[str, DnsList] = {
    # https://www.spamhaus.org/faqs/dnsbl-usage/ : return codes of ZEN and DBL
    "spamhaus-zen": DnsList(
        name="spamhaus-zen",
        zone="zen.spamhaus.org",
        kinds=("address",),
        answers=_of(
            ("127.0.0.2", "SBL: a source of spam", 1.0),
            ("127.0.0.3", "CSS: a source of low-reputation mail", 0.8),
            ("127.0.0.4-127.0.0.7", "XBL: a stolen machine", 1.0),
            ("127.0.0.9", "DROP: a hijacked network", 1.0),
            ("127.0.0.10-127.0.0.11", "PBL: an address that should send no mail itself", 0.6),
        ),
        test="127.0.0.2",
    ),
    "spamhaus-dbl": DnsList(
        name="spamhaus-dbl",
        zone="dbl.spamhaus.org",
        kinds=("domain", "link"),
        answers=_of(
            ("127.0.1.2", "spam domain", 1.0),
            ("127.0.1.4", "phishing domain", 1.0),
            ("127.0.1.5", "malware domain", 1.0),
            ("127.0.1.6", "botnet command domain", 1.0),
            ("127.0.1.102-127.0.1.106", "abused domain of somebody honest", 0.4),
        ),
        refusals=("127.0.1.255",),
        test="dbltest.com",
    ),
    # https://surbl.org/lists : bits of the last octet
    "surbl": DnsList(
        name="surbl",
        zone="multi.surbl.org",
        kinds=("link",),
        answers=_of(
            ("&8", "phishing", 1.0), ("&16", "malware", 1.0), ("&64", "abuse", 0.8), ("&128", "cracked site", 0.8)
        ),
        test="test.surbl.org",
    ),
    # https://uribl.com/about.shtml : bits of the last octet
    "uribl": DnsList(
        name="uribl",
        zone="multi.uribl.com",
        kinds=("link",),
        answers=_of(("&2", "black: spam", 1.0), ("&4", "grey: bulk mail", 0.2), ("&8", "red: new", 0.4)),
        test="test.uribl.com",
    ),
    "spamcop": DnsList(
        name="spamcop",
        zone="bl.spamcop.net",
        kinds=("address",),
        answers=_of(("127.0.0.2", "reported as a source of spam", 0.7)),
        test="127.0.0.2",
    ),
    "psbl": DnsList(
        name="psbl",
        zone="psbl.surriel.com",
        kinds=("address",),
        answers=_of(("127.0.0.2", "sent to spam traps", 0.6)),
        test="127.0.0.2",
    ),
    "barracuda": DnsList(
        name="barracuda",
        zone="b.barracudacentral.org",
        kinds=("address",),
        answers=_of(("127.0.0.2", "a source of spam", 0.8)),
        test="127.0.0.2",
    ),
    # https://www.dnswl.org/?page_id=15 : the last octet is the trust, 255 in its place says "too many questions"
    "dnswl": DnsList(
        name="dnswl",
        zone="list.dnswl.org",
        kinds=("address",),
        answers=_of(
            *(
                (f"127.0.{kind}.{trust}", text, share)
                for kind in range(2, 21)  # what kind of business it is
                for trust, text, share in ((1, "little trust", 0.2), (2, "some trust", 0.6), (3, "much trust", 1.0))
            )
        ),
        refusals=("127.0.0.255",),
        welcome=True,
        test="127.0.0.2",
    ),
}
"""Lists that are known by name. Each is off until the administrator names it in `use`."""
