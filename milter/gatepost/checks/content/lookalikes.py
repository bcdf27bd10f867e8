"""Letters that look like other letters, written as the plain Latin ones they pass for.

Spam writes `viаgrа` with Cyrillic letters: people read on, a filter sees a word nobody ever used. Accents go the same
way (`vîagrá`), and so do stroked letters, small capitals and letters of scripts that mail is not written in. Letters of
living scripts (Greek, Cyrillic, Armenian) are taken for Latin ones only where they touch a Latin letter or where the
text has no letter of theirs but look-alikes: Russian stays Russian. The tables come from Unicode's confusables (UTS #39).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final


def _table(entries: str) -> dict[int, str]:
    return {ord(twin): entry[0] for entry in entries.split() for twin in entry[1:]}


_LIVING: Final = _table(
    "aΑαАа bΒВЬ cСс dԁ eΕЕеҽ fϜք gԌց hΗНһհ iιіӏꙇ jͿϳЈј kΚκКк lΙІӀ mΜϺМ nΝπпոռᴨ oΟοσОоՕօଠഠဝჿ pΡρРр qԛգզ rгᴦ "
    "sЅѕՏ tΤτТт uυцՍս vνѴѵ wԜ xΧХх yΥγуҮүყ zΖ kк mм tт hн bв eε nη uμ wωѡш "
)
_OTHERS: Final = _table(
    "aȺɑᎪᗅᴀᶏⱥꓮ𐊠 bƀƁƂƃƄɃɓʙᏏᏴᖯᗷᵬᶀꓐꞴ𐊂𐊡𐌁 cƇƈȻȼɕᏟᴄⲤⲥꓚ𐊢𐌂𐐕𐐽𐔜 dĐđƊƋƌȡɖɗᎠᏧᑯᗞᗪᴅᵭᶁᶑꓒꓓ eɆɇᎬᴇᶒⱸⴹꓰꬲ𐊆𑢦𑢮 fƑƒᖴᵮᶂẝꓝꞘꞙꬵ𐊇𐊥𐔥𑢢𑣂 "
    "gƍƓǤǥɠɡɢᏀᏳᶃꓖ hĦħɦʜᎻᏂᕼⱧⱨⲎꓧ𐋏 iıƗɨɩɪᎥᵻᶖ𑣃 jȷɈɉʝᎫᒍᴊꓙꞲ kĸƘƙᏦᛕᴋᶄⱩⱪⲔⲕꓗ𐔘 lŁłƖƚǀȴȽɫɬɭʟᏞᒪᛁᶅⱠⱡⱢⲒⳐⵏꓡꓲ𐊊𐌉𐐛𐔦𑢣𑢲 "
    "mɱᎷᗰᛖᴍᵯᶆⱮⲘꓟ𐊰𐌑 nƝƞȠȵɲɳɴᵰᶇⲚꓠ𐔓 oØøƟᴏᴑⱺⲞⲟⵔꓳꬽ𐊒𐊫𐐄𐐬𐔖𑢵𑣈𑣗 pƤƥᏢᑭᴘᵱᵽᶈⱣⲢⲣꓑ𐊕 qɋʠⵕ rƦɌɍɼɽɾʀᎡᏒᖇᵲᵳᶉⱤⲅꓣꭇꭈ "
    "sƽȿʂᏕᏚᵴᶊⱾꓢꜱ𐊖𐐠𐑈𑣁 tŦŧƫƬƭƮȶȾʈᎢᴛᵵⱦⲦꓔ𐊗𐊱𐌕𑢼 uʋᑌᴜᵾᶙꓴꞟꭎꭒ𑢸𑣘 vƲᏙᐯᴠⱱⱴⴸꓦ𐔝𑢠𑣀 wᎳᏔᴡⱲⱳꓪ xᕁᕽᚷᶍⲬⵝꓫꞳ𐊐𐊴𐌗𐔧 yƳƴɎɏɣʏᎩᎽᶌỾỿⲨꓬꭚ𐊲𑢤𑣜 "
    "zƵƶȤȥɀʐʑᏃᴢᵶᶎⱫⱬⱿꓜ𑢩𑣄 "
)
# Signs that programs set for plain ones, and letters that are written as two where a keyboard lacks them. Most western
# text is ASCII after that, which makes all that follows several times as fast.
_PLAINER: Final = {
    **dict.fromkeys(map(ord, "‘’‚‛′ʼʹ´"), "'"),
    **dict.fromkeys(map(ord, "“”„‟«»‹›″「」『』"), '"'),
    **dict.fromkeys(map(ord, "‐‑‒–—―−"), "-"),
    **dict.fromkeys(map(ord, "•·∙●○◦▪■►▶→⇒★☆✓✔│・"), "*"),
    **dict.fromkeys(map(ord, "©®™"), " "),
    # Letters on black discs and squares.
    **{start + number: chr(97 + number) for start in (0x1F150, 0x1F170) for number in range(26)},
    ord("ß"): "ss",
    ord("ẞ"): "SS",
    ord("æ"): "ae",
    ord("Æ"): "AE",
    ord("œ"): "oe",
    ord("Œ"): "OE",
    ord("ى"): "ي",
    ord("ة"): "ه",
}
_LIVING_LETTERS: Final = frozenset(map(chr, _LIVING))
# Latin, Greek and Cyrillic accents; Hebrew points; Arabic vowel marks, hamza above and below, and the stroke that
# stretches words. Vowel signs of Indian scripts are letters.
_ACCENTS: Final = re.compile(
    "[\u0300-\u036f\u0488\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]+"
)
# Characters that take no room: soft hyphen, grapheme joiner, fillers, zero-width spaces and joiners, direction marks,
# variation selectors, BOM, annotation marks, musical controls, tags.
_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0"
    "\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
_BEYOND_ASCII: Final = re.compile(r"[^\x00-\x7f]+")
_LIVE: Final = f"[{''.join(map(chr, _LIVING))}]"
# A look-alike behind a Latin letter, or a run of them before one. The search skips to look-alikes, runs begin where none
# stands before and give nothing back: linear in the text.
_BESIDE_LATIN: Final = re.compile(f"{_LIVE}(?:(?<=[A-Za-z].){_LIVE}*+|(?<!{_LIVE}.){_LIVE}*+(?=[A-Za-z]))", re.DOTALL)
_RUN: Final = re.compile(f"{_LIVE}+")
# Letters of the living scripts that look like no Latin one.
_GENUINE: Final = re.compile(f"(?!{_LIVE})[\u0386-\u03ff\u0400-\u052f\u0531-\u058f]")
_MOST_REPLACED: Final = 64
"""Different characters that are replaced one by one; more of them by a table, which is slower and does not mind how many."""


@lru_cache(maxsize=16_384)
def _plain(character: str) -> str:
    """Give what one character beyond ASCII stands for; "" for one without width and for an accent."""
    if _INVISIBLE.match(character):
        return ""
    if plainer := _PLAINER.get(ord(character)):
        return plainer
    bare = unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFKD", character)))
    return bare.translate(_OTHERS).translate(_PLAINER)


def without_width(text: str) -> str:
    """Give a text without its characters that take no room."""
    return _INVISIBLE.sub("", text)


def plain_letters(text: str) -> tuple[str, int]:
    """Give a text with accents and characters without width dropped and look-alikes as Latin letters.

    Gives how many characters without width there were, too. Linear in the length; eighteen times as long at most
    (U+FDFA).
    """
    beyond = set("".join(_BEYOND_ASCII.findall(text)))
    changed = {character: plain for character in beyond if (plain := _plain(character)) != character}
    dropped = sum(text.count(character) for character in changed if _INVISIBLE.match(character)) if changed else 0
    if len(changed) > _MOST_REPLACED:
        text = text.translate({ord(character): plain for character, plain in changed.items()})
    else:
        for character, plain in changed.items():
            text = text.replace(character, plain)
    if text.isascii():
        return text, dropped
    left = "".join(changed.get(character, character) for character in beyond)
    if not _LIVING_LETTERS.isdisjoint(left):
        runs = _BESIDE_LATIN if _GENUINE.search(left) else _RUN
        text = runs.sub(lambda match: match[0].translate(_LIVING), text)
    return unicodedata.normalize("NFC", text), dropped
