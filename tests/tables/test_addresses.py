"""An address of a table is divided in one place, and its password is shown nowhere."""

from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from evermodel import tables
from evermodel.errors import EvermodelError, masked
from evermodel.tables.addresses import hidden, parsed
from evermodel.tables.sql import SqlQuery

# The word is in the password alone, so that any piece of it that is shown is seen.
_WORD = "Zx9Q"
_PASSWORDS = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=4), min_size=2
).map(_WORD.join)
_AWKWARD = [
    f"p@{_WORD}?{_WORD}",
    f"12/{_WORD}#{_WORD}",
    f"[{_WORD}",
    f"%zz:{_WORD}\n{_WORD} {_WORD}",
    f"x@y?table={_WORD}",
]


@given(_PASSWORDS)
@example(_AWKWARD[0])
@example(_AWKWARD[1])
@example(_AWKWARD[2])
@example(_AWKWARD[3])
@example(_AWKWARD[4])
def test_no_error_shows_any_piece_of_a_password_of_any_characters(password: str) -> None:
    address = f"mysql+nothing://me:{password}@127.0.0.1:1/shop?table=people"
    with pytest.raises(EvermodelError) as caught:
        tables.read(address)
    error = caught.value
    assert _WORD not in f"{error} {error.args!r} {error.where} {error.found} {error.hint}"
    assert _WORD not in masked(address)


@given(_PASSWORDS)
@example(_AWKWARD[0])
@example(f"{_WORD}%00")
def test_what_a_driver_says_shows_no_piece_of_a_password(password: str) -> None:
    address = f"postgresql://me:{password}@db:5432/shop?table=people"
    for said in (f"cannot parse {password!r}", f"no host {quote(password)}", f"at {address} now"):
        assert _WORD not in hidden(said, address)


@given(_PASSWORDS.filter(lambda text: "%" not in text), st.sampled_from(["table", "query"]))
@example(_AWKWARD[0], "table")
@example(_AWKWARD[1], "query")
def test_an_address_is_divided_and_put_together_whatever_its_password(
    password: str, kind: str
) -> None:
    for written in (password, quote(password, safe="")):
        found = parsed(f"mysql://me:{written}@db:5432/shop?charset=utf8&{kind}=people")
        assert (found.user, found.password, found.host) == ("me", password, "db:5432")
        assert (found.path, found.options) == ("/shop", {"charset": "utf8"})
        assert (found.table, found.query) == (("people", "") if kind == "table" else ("", "people"))
        url = make_url(found.url("mysql"))
        assert (url.username, url.password, url.host) == ("me", password, "db")
        assert (url.port, url.database) == (5432, "shop")


@pytest.mark.parametrize(
    ("address", "url", "table", "query"),
    [
        ("sqlite:///a@b.db?table=x", "sqlite:///a@b.db", "x", ""),
        ("sqlite:///shop.db#query=select * from x where a = '?'", "sqlite:///shop.db", "",
         "select * from x where a = '?'"),
        ("sqlite:////data/shop.db#table=x", "sqlite:////data/shop.db", "x", ""),
        ("mysql://db/shop@1?table=x", "mysql://db/shop@1", "x", ""),
        ("mysql://db:5432/shop%401?table=x", "mysql://db:5432/shop%401", "x", ""),
        ("mysql://me@db/shop?table=x", "mysql://me@db/shop", "x", ""),
    ],
)  # fmt: skip
def test_an_at_in_a_path_begins_no_host(address: str, url: str, table: str, query: str) -> None:
    found = SqlQuery(address)
    assert (found.url, found.table, found.query) == (url, table, query)
