"""What a tally lets one believe: a Beta distribution over "the share of mail that is wanted", and how sure one may be.

Before anything is known the share may be anything: Beta(1, 1). Each wanted message adds to the first parameter, each unwanted
one to the second (Jøsang and Ismail, "The Beta Reputation System", 2002). A few good messages move the mean a lot and leave
it wide; so what is believed goes by the bound that the share exceeds with 95 % probability.
"""

from __future__ import annotations

import math
from typing import Final

from gatepost.world.state.door import Tally

_SIGMAS: Final = 1.645
"""Standard deviations from the mean to the bound below (or above) which 5 % of a normal distribution lie."""


def strength(tally: Tally) -> float:
    """Give how surely a sender is good (above 0, up to 1) or bad (below 0, down to -1); 0 when it may be either.

    It is the distance of the pessimistic bound from one half where that is above it, of the optimistic one where that is below: 0.06
    after three good messages, 0.58 after ten, 0.95 after a hundred.
    """
    mean, reach = _posterior(tally)
    if mean - reach > 0.5:
        return 2.0 * (mean - reach) - 1.0
    if mean + reach < 0.5:
        return 2.0 * (mean + reach) - 1.0
    return 0.0


def confidence(tally: Tally) -> float:
    """Give how narrow the belief is: 1 less the width of its central 90 %, from 0.05 (nothing is known) towards 1."""
    return max(0.0, 1.0 - 2.0 * _posterior(tally)[1])


def wanted_share(tally: Tally) -> float:
    """Give the expected share of wanted mail."""
    return _posterior(tally)[0]


def _posterior(tally: Tally) -> tuple[float, float]:
    """Give the mean, and the reach from it to its 95 % bounds by the normal approximation."""
    alpha, beta = tally.wanted + 1.0, tally.unwanted + 1.0
    total = alpha + beta
    return alpha / total, _SIGMAS * math.sqrt(alpha * beta / (total * total * (total + 1.0)))


def told(tally: Tally) -> str:
    """Say what a tally holds: `3.5 wanted and 2.0 unwanted messages`."""
    return f"{tally.wanted:.1f} wanted and {tally.unwanted:.1f} unwanted messages"


def facts(prefix: str, tally: Tally) -> dict[str, str]:
    """Give what a belief is based on, for machines: counts, the expected share of wanted mail, and the confidence."""
    return {
        f"{prefix}.wanted": f"{tally.wanted:.1f}",
        f"{prefix}.unwanted": f"{tally.unwanted:.1f}",
        f"{prefix}.wanted-share": f"{wanted_share(tally):.2f}",
        f"{prefix}.confidence": f"{confidence(tally):.2f}",
    }
