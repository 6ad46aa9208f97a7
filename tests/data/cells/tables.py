"""Tables made for these tests, clean, and the errors that are planted in them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import polars as pl

__all__ = ["ERRORS", "Planted", "orders", "plant", "times"]

Rng = np.random.Generator
Planted = set[tuple[int, str]]
Columns = dict[str, list[str]]

_PLACES = [
    ("Zürich", "ZH"), ("Winterthur", "ZH"), ("Bern", "BE"), ("Biel", "BE"), ("Luzern", "LU"),
    ("Lausanne", "VD"), ("Genève", "GE"), ("Lugano", "TI"), ("Bellinzona", "TI"), ("Basel", "BS"),
    ("Schaffhausen", "SH"), ("Frauenfeld", "TG"), ("Solothurn", "SO"), ("Fribourg", "FR"),
]  # fmt: skip
_WARES = ["walking boots", "rain jacket", "sleeping bag", "water bottle", "head torch", "cooker"]
_FIRST = ["Anna", "Beat", "Carla", "Dario", "Elena", "Fritz", "Greta", "Hans", "Ida", "Jonas"]
_LAST = ["Keller", "Meier", "Rossi", "Favre", "Brunner", "Frei", "Huber", "Moser", "Steiner"]


def orders(seed: int, rows: int = 1200) -> Columns:
    """Return a shop's order lines: customers tell names and towns, wares tell groups."""
    rng = np.random.default_rng(seed)
    customers = 90
    name = [f"{rng.choice(_FIRST)} {rng.choice(_LAST)}" for _ in range(customers)]
    place = [_PLACES[i] for i in rng.integers(0, len(_PLACES), customers)]
    who = rng.integers(0, customers, rows)
    what = rng.choice(len(_WARES), rows, p=[0.3, 0.25, 0.2, 0.1, 0.1, 0.05])
    days = np.sort(rng.integers(0, 700, rows))
    start = np.datetime64("2023-01-02")
    return {
        "order": [f"R-{10_000 + i}" for i in range(rows)],
        "customer": [f"K{1000 + i}" for i in who],
        "name": [name[i] for i in who],
        "town": [place[i][0] for i in who],
        "canton": [place[i][1] for i in who],
        "day": [str(start + day) for day in days],
        "ware": [_WARES[i] for i in what],
        "pieces": [str(1 + i) for i in rng.poisson(1.2, rows)],
        "paid": [f"{x:.2f}" for x in rng.lognormal(3.6, 0.8, rows)],
        "weight": [f"{x:.1f}" for x in rng.normal(70.0, 9.0, rows)],
        "age": [str(x) for x in rng.integers(18, 86, rows)],
        "newsletter": [str(x) for x in rng.choice(["yes", "no"], rows, p=[0.7, 0.3])],
    }


def times(seed: int, wrong: float = 0.2, copies: int = 0) -> tuple[pl.DataFrame, Planted]:
    """Return what ten web pages say of sixty ferries, and the cells that are not true.

    The first `copies` pages take two of three values from one page that is wrong more often than
    not.
    """
    rng = np.random.default_rng(seed)
    pages = [f"page{letter}" for letter in "abcdefghij"]
    rows: list[list[str]] = []
    bad: Planted = set()
    for ferry in range(60):
        truth = [f"{rng.integers(1, 13)}:{rng.integers(0, 60):02} p.m." for _ in range(2)]
        truth.append(f"pier {rng.integers(1, 9)}")
        said: dict[int, str] = {}
        for number, page in enumerate(pages):
            row = [page, f"ferry {ferry}"]
            for at, right in enumerate(truth):
                text = right
                copied = number < copies
                if copied and at in said and rng.random() < 0.9:
                    text = said[at]
                elif rng.random() < (0.7 if copied else wrong):
                    text = f"{rng.integers(1, 13)}:{rng.integers(0, 60):02} p.m."
                    text = text if at < 2 else f"pier {rng.integers(1, 9)}"
                if copied:
                    said.setdefault(at, text)
                if rng.random() < 0.1:
                    text = ""
                if text != right:
                    bad.add((len(rows), ("leaves", "arrives", "from")[at]))
                row.append(text)
            rows.append(row)
    return pl.DataFrame(
        rows, schema=["page", "ferry", "leaves", "arrives", "from"], orient="row"
    ), bad


def plant(columns: Columns, kind: str, seed: int, rows: int = 12) -> Planted:
    """Spoil some cells of a table in place, and return which."""
    rng = np.random.default_rng(seed + 1000)
    some = rng.choice(len(columns["order"]), rows, replace=False)
    bad: Planted = set()
    for row in some.tolist():
        for name, text in ERRORS[kind](columns, row, rng).items():
            if columns[name][row] != text:
                columns[name][row] = text
                bad.add((row, name))
    return bad


def _typo(text: str, rng: Rng) -> str:
    at = int(rng.integers(1, len(text) - 1))
    return text[:at] + str(rng.choice(list("qxzvk"))) + text[at + 1 :]


def _letter(rng: Rng) -> str:
    return str(rng.choice(list("abcdefghijklopqrs")))


def _swapped(columns: Columns, row: int) -> dict[str, str]:
    return {"town": columns["canton"][row], "canton": columns["town"][row]}


ERRORS: dict[str, Callable[[Columns, int, Rng], dict[str, str]]] = {
    "misspelt town": lambda c, row, rng: {"town": _typo(c["town"][row], rng)},
    "misspelt ware": lambda c, row, rng: {"ware": _typo(c["ware"][row], rng)},
    "name of another customer": lambda c, row, rng: {"name": f"Zoe {rng.choice(_LAST)}"},
    "canton of another town": lambda c, row, rng: {"canton": str(rng.choice(["UR", "NW", "GL"]))},
    "empty town": lambda c, row, rng: {"town": ""},
    "empty age": lambda c, row, rng: {"age": ""},
    "unknown": lambda c, row, rng: {"ware": str(rng.choice(["unknown", "N/A", "?"]))},
    "999 for an age": lambda c, row, rng: {"age": "999"},
    "impossible age": lambda c, row, rng: {"age": str(rng.choice(["-4", "171", "212"]))},
    "day that does not exist": lambda c, row, rng: {
        "day": str(rng.choice(["2023-02-30", "2024-13-01"]))
    },
    "day in another form": lambda c, row, rng: {
        "day": "{2}.{1}.{0}".format(*c["day"][row].split("-"))
    },
    "unit in the number": lambda c, row, rng: {"weight": c["weight"][row] + " kg"},
    "percent sign": lambda c, row, rng: {"paid": c["paid"][row] + "%"},
    "grams for kilograms": lambda c, row, rng: {"weight": f"{float(c['weight'][row]) * 1000:.0f}"},
    "letter among digits": lambda c, row, rng: {"pieces": c["pieces"][row] + _letter(rng)},
    "letter for a digit": lambda c, row, rng: {"paid": _typo(c["paid"][row], rng)},
    "damaged letters": lambda c, row, rng: {"name": "J\ufffdrg " + c["name"][row]},
    "doubly encoded": lambda c, row, rng: {"town": "ZÃ¼rich"},
    "canton moved into town": lambda c, row, rng: {
        "town": f"{c['town'][row]} {c['canton'][row]}", "canton": ""
    },
    "town and canton swapped": lambda c, row, rng: _swapped(c, row),
    "row slipped to the right": lambda c, row, rng: {
        "ware": c["day"][row], "pieces": c["ware"][row], "paid": c["pieces"][row]
    },
    "Yes for yes": lambda c, row, rng: {"newsletter": c["newsletter"][row].upper()},
    "paid a million times": lambda c, row, rng: {"paid": c["paid"][row].replace(".", "") + "0000"},
}  # fmt: skip
"""What each kind of error writes where, given the table, the row and a source of chance."""
