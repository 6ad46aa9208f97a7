"""Short support notes as a person at the counter would type them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from evermodel.demo.days import TOPICS

__all__ = ["write_notes"]

_TEMPLATES: dict[str, tuple[str, ...]] = {
    "delivery late": (
        "{thing} still not here, ordered {days} days ago",
        "parcel with {thing} late again, customer upset",
        "asks where {thing} is; {days} days on the way",
    ),
    "wrong item": (
        "got the wrong item, wanted {thing}",
        "sent {thing} by mistake, wants a swap",
    ),
    "damaged": (
        "{thing} arrived broken, angry, wants money back",
        "box crushed, {thing} damaged",
    ),
    "price": (
        "found {thing} cheaper elsewhere, asks for a discount",
        "thinks {thing} got too expensive",
    ),
    "question": (
        "asks how long {thing} keeps",
        "question about {thing}, answered",
        "wants to know when {thing} is back in stock",
    ),
    "thanks": (
        "just said thanks, loves the {thing}",
        "happy with {thing}, will tell friends",
    ),
}


def write_notes(
    topic: npt.NDArray[np.int8], things: list[str], rng: np.random.Generator
) -> list[str | None]:
    """Return one note per row: None where `topic` is -1, else a sentence on that row's thing.

    Examples
    --------
    >>> write_notes(np.array([-1, 5], np.int8), ["tea", "tea"], np.random.default_rng(0))
    [None, 'just said thanks, loves the tea']
    """
    which, days = rng.random(len(topic)), rng.integers(4, 15, len(topic))
    notes: list[str | None] = []
    for row, code in enumerate(topic):
        if code < 0:
            notes.append(None)
            continue
        choices = _TEMPLATES[TOPICS[code]]
        template = choices[int(which[row] * len(choices))]
        notes.append(template.format(thing=things[row], days=days[row]))
    return notes
