"""Words that say which language or which mailbox a text comes from, and nothing about what it wants.

The public corpora hold much spam and little wanted mail in most languages, so a model that sees function words learns
"Portuguese is spam". Without them it has to look at what is said. English ones stay: both kinds of mail are English.
"""

from __future__ import annotations

from typing import Final

_WORDS: Final = """
der die das den dem des ein eine einen einem einer eines und oder aber nicht kein keine ist sind war wird werden wurde
haben hat hatte sein sie ihr ihre ihren ihrem ihrer wir uns unser unsere ich mich mir mein meine du dich dir dein deine
er es man auf aus bei bis durch für gegen in im ins mit nach ohne seit über um unter von vom vor zu zum zur wie wenn als
auch noch nur schon sehr so dass diese dieser dieses diesem diesen hier dort mehr alle am an
le la les un une des du de et ou où mais ne pas plus ce cet cette ces il elle ils elles on nous vous je tu me te se lui
leur leurs mon ma mes ton ta tes son sa ses notre nos votre vos est sont était être avoir a ont avez été sur sous dans
par pour avec sans chez en au aux que qui quoi dont si comme très tout tous toute toutes bien aussi même
el los las lo uno unos unas y e o pero no más del al con sin por para según entre sobre hasta desde su sus mi mis tu tus
nuestro nuestra nuestros nuestras él ella ellos usted ustedes nosotros yo es son fue ser estar está están ha han hemos
muy ya también como cuando donde si se nos le les esta este esto estos estas ese esa todo todos toda todas
os as um uma uns umas da do das dos na no nas nos em ao aos à às pelo pela seu sua seus suas meu minha nosso nossa você
vocês ele ela eles elas eu não mais mas foi é são está estão tem têm ser isso isto este esta esse essa muito já também
il lo gli i un uno di del dello della dei degli delle al allo alla ai agli alle dal dalla nel nella sul sulla con per tra
fra che chi cui non più ma anche come quando dove se si ci vi mi ti è sono era essere avere ha hanno questo questa
questi queste suo sua suoi sue nostro nostra vostro vostra noi voi io tutto tutti
de het een en of maar niet geen is zijn was wordt worden heeft hebben had u uw je jij jouw wij we ons onze ik mij mijn
hij zij ze hun op aan bij tot door voor tegen in met na over om onder van uit te als ook nog al zeer zo dat dit deze die
wat wie waar hoe er kan kunt naar
och att det som är på av för med till den ett inte om har vi du ni din er eller kan han hon men var sig så
og til at der af ikke jeg vi dig din eller kan som han hun men var sig så fra ved er
i w na z do się nie to jest że o jak ale po za od przez dla czy być są ten ta te co tak już
и в не на что с по как это из у за от для мы вы он она они но же то к до бы при так или если ваш ваша ваши вас вам
"""

# Left behind by tokenised addresses and quoted replies: they tell how a copy was stored, not what was written.
_TRACES: Final = "http https www com net org html htm php wrote subject cc fw fwd re"

# English words that are spelled like one of the above stay.
_ENGLISH: Final = frozenset(
    "a also an as at con die do has he in is it me men more no of on or over per sent so son te the then to under us van war was we".split()
)

STOPWORDS: Final = (frozenset(_WORDS.split()) - _ENGLISH) | frozenset(_TRACES.split())

HAN_FUNCTION: Final = frozenset(
    "的了是在我有和不您你们請请这這那就也都而及与與或个個为為以于於之其到说說要会會可能对對上下中"
)
"""Chinese characters that hold sentences together; pairs with one of them are not tokens."""


def spaceless_word(pair: str) -> bool:
    """Say whether a character pair of a script without spaces carries meaning: no function character, no kana alone."""
    return not (HAN_FUNCTION.intersection(pair) or all("\u3041" <= character <= "\u309f" for character in pair))
