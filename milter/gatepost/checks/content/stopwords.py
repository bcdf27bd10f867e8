"""Words that say which language or which mailbox a text comes from, and nothing about what it wants.

The public corpora hold much spam and little wanted mail in most languages, so a model that sees function words learns
"Portuguese is spam". Without them it has to look at what is said. English ones stay: both kinds of mail are English.
"""

from __future__ import annotations

from typing import Final

from gatepost.checks.content.lookalikes import plain_letters

_WORDS: Final = """
der die das den dem des ein eine einen einem einer eines und oder aber nicht kein keine ist sind war wird werden wurde
haben hat hatte sein sie ihr ihre ihren ihrem ihrer wir uns unser unsere ich mich mir mein meine du dich dir dein deine
er es man auf aus bei bis durch für gegen in im ins mit nach ohne seit über um unter von vom vor zu zum zur wie wenn als
jetzt sich mich euch euer eure kann können könnte muss müssen soll sollte möchte möchten mag will wollen darf dürfen
bereits dabei damit dann daher dazu denn doch einfach etwas ganz gleich heute immer jede jeder jedes jedem jeden man mal
manche mehrere nun ob oft rund sogar sondern sonst später vielen viel viele weil weitere weiteren welche wenige wieder wo
worden während zurück zwischen zwei drei erst erste ersten gerne hallo lassen machen gibt geht kommt steht stehen
auch noch nur schon sehr so dass diese dieser dieses diesem diesen hier dort mehr alle am an
le la les un une des du de et ou où mais ne pas plus ce cet cette ces il elle ils elles on nous vous je tu me te se lui
leur leurs mon ma mes ton ta tes son sa ses notre nos votre vos est sont était être avoir a ont avez été sur sous dans
cela ceci celui celle donc alors ainsi afin après avant depuis encore entre jusque lors même peu peut pouvez pouvons
peuvent doit devez faire fait fais va vais aller quand quel quelle quels quelles sera serait seront soit suis sommes êtes
ici là y deux trois premier première autre autres chaque quelques rien jamais toujours trop vers voici voilà bonjour
par pour avec sans chez en au aux que qui quoi dont si comme très tout tous toute toutes bien aussi même
el los las lo uno unos unas y e o pero no más del al con sin por para según entre sobre hasta desde su sus mi mis tu tus
nuestro nuestra nuestros nuestras él ella ellos usted ustedes nosotros yo es son fue ser estar está están ha han hemos
aquí ahí allí así aún aunque antes después cada cual cuales contra durante eran eres estoy estamos hace hacer hacia
hasta hay hola luego mientras mismo misma mucho mucha muchos muchas nada ni ningún otro otra otros otras poco puede pueden
puedes porque pues qué quien quienes sea siempre sido sobre solo sólo soy somos tal tan tanto tener tiene tienen tengo
tienes tenemos tras va vamos vez voy dos tres hoy haga
muy ya también como cuando donde si se nos le les esta este esto estos estas ese esa todo todos toda todas
os as um uma uns umas da do das dos na no nas nos em ao aos à às pelo pela seu sua seus suas meu minha nosso nossa você
agora ainda antes após aqui ali assim até cada com como contra depois desde dia dois durante então entre estar estou
estamos eram era fazer faz foram havia há hoje isso lhe logo mesmo mesma muita muitos muitas nada nem nenhum nenhuma
nessa nesse nesta neste numa num outro outra outros outras pode podem porque porém pouco pois quando quem qual quais quer
se sem sempre sendo ser sobre sou somos só tal também tanto te tenho teve tinha toda todas todo todos tudo um vai vamos
vez vou olá para por que apenas será deste desta dele dela
vocês ele ela eles elas eu não mais mas foi é são está estão tem têm ser isso isto este esta esse essa muito já também
il lo gli i un uno di del dello della dei degli delle al allo alla ai agli alle dal dalla nel nella sul sulla con per tra
fra che chi cui non più ma anche come quando dove se si ci vi mi ti è sono era essere avere ha ancora allora ciao così cosa cui ecco fare fatto già loro lui mai mentre molto molti nessun niente ogni ora oggi
poi poco possono può puoi prima qualche quale quali quanto qui quindi quello quella quelli solo sono stato stata sta stai
sempre senza siamo sia sotto tanto tra troppo vuoi verso due tre
hanno questo questa
questi queste suo sua suoi sue nostro nostra vostro vostra noi voi io tutto tutti
de het een en of maar niet geen is zijn was wordt worden heeft hebben had u uw je jij jouw wij we ons onze ik mij mijn
hij zij ze hun op aan bij tot door voor tegen in met na over om onder van uit te als ook nog al zeer zo dat dit deze die
alleen alles ander andere anders binnen daar dan dus eens eerste elk elke gaan geen gewoon graag haar hallo hebt heel
hem hun iets jullie kunnen laten meer mensen moet moeten mogen naar nadat niets nu omdat onder ook onze ooit sinds steeds
terug toch toen tussen twee vaak veel vanaf verder vooral want wel weer wil wilt worden zal zelf zijn zonder zou zullen
wat wie waar hoe er kan kunt naar
och att det som är på av för med till den ett inte om har vi du ni din er eller kan han hon men var sig så
og til at der af ikke jeg vi dig din eller kan som han hun men var sig så fra ved er
i w na z do się nie to jest że o jak ale po za od przez dla czy być są ten ta te co tak już
и в не на что с по как это из у за от для мы вы он она они но же то к до бы при так или если ваш ваша ваши вас вам
"""

# Left behind by tokenised addresses and quoted replies: they tell how a copy was stored, not what was written.
_TRACES: Final = "http https www com net org html htm php url date wrote subject cc fw fwd re"

# English words that are spelled like one of the above stay.
_ENGLISH: Final = frozenset(
    "a also an as at come con die do door era fare had hat main mal man pour sin ten till will has he in is it me men more no of on or over per sent so son te the then to under us van war was we".split()
)

# As tokens are: without accents.
STOPWORDS: Final = (frozenset(plain_letters(_WORDS)[0].split()) - _ENGLISH) | frozenset(_TRACES.split())

HAN_FUNCTION: Final = frozenset(
    "的了是在我有和不您你们請请这這那就也都而及与與或个個为為以于於之其到说說要会會可能对對上下中"
)
"""Chinese characters that hold sentences together; pairs with one of them are not tokens."""


def spaceless_word(pair: str) -> bool:
    """Say whether a character pair of a script without spaces carries meaning: no function character, no kana alone."""
    return not (HAN_FUNCTION.intersection(pair) or all("\u3041" <= character <= "\u309f" for character in pair))
