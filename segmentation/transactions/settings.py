"""What ``transactions.toml`` beside orders says of them, and which column is what."""

import re
from datetime import date
from pathlib import Path
from typing import NamedTuple

from segmentation.customers import TableError
from segmentation.customers.names import split_words
from segmentation.customers.settings import read_toml

#: Words of names, the more telling first, in the languages in which orders are exported most.
WORDS = {
    "customer": (
        "customer client cliente kunde kunden user member buyer account klant kund acheteur shopper"
    ),
    "date": "date datum fecha data dato day datetime timestamp time created purchased ordered",
    "amount": (
        "amount revenue total sales spend price value betrag umsatz importe montant importo ventas "
        "payment dollar paid monetary turnover"
    ),
    "unit_price": "",
    "order": "order invoice receipt transaction basket bestellung rechnung bon factura commande",
    "group": "department category group family section aisle warengruppe kategorie categoria",
    "quantity": "quantity qty units pieces items menge cantidad quantite number count",
    "currency": "currency wahrung moneda devise valuta",
}
REQUIRED = ("customer", "date", "amount")
#: Beside the price of one piece, which is no amount of a line.
ONE_PIECE = frozenset(["unit", "each", "einzel", "item", "stuck", "unitario", "unitaire"])
#: Behind such a word, the name of a column numbers or names something.
NUMBERS = frozenset(["id", "no", "nr", "num", "number", "nummer", "key", "code", "ref"])
DATE_FORMATS = ("day first", "month first")


class OrderSettings(NamedTuple):
    """The columns by what they are, and how to read them; see `segmentation.transactions`."""

    columns: dict
    date_format: str | None = None
    decimal: str | None = None
    cut_off: date | None = None
    held_back: int | None = None


def read_order_settings(path, names, settings=None):
    """Find out which column of orders is what.

    Parameters
    ----------
    path : str or Path
        The orders; ``transactions.toml`` lies beside them.
    names : sequence of str
        Of the columns.
    settings : dict, optional
        The same keys; they come before those of the file.

    Returns
    -------
    OrderSettings

    Raises
    ------
    TableError
        With every problem at once: the file is no TOML, has a key that there is not, a value that
        cannot be, or names a column that is not there; or no column is found for what is needed.
    """
    written = read_toml(Path(path).with_name("transactions.toml")) | (settings or {})
    columns = _find_columns(names, {key: written[key] for key in WORDS.keys() & written.keys()})
    problems = [*_problems(written, names), *_missing(columns, names)]
    if problems:
        raise TableError(f"{Path(path).name} cannot be used:\n- " + "\n- ".join(problems))
    others = {key: value for key, value in written.items() if key not in WORDS}
    return OrderSettings(columns, **others)


def _find_columns(names, said):
    """Return what is said, and for the rest the column whose name tells it best."""
    found = {key: name for key, name in said.items() if name}
    for key in (*REQUIRED, *WORDS.keys() - set(REQUIRED)):
        free = [name for name in names if name not in found.values()]
        scored = [(_score(name, key), -i, name) for i, name in enumerate(free)]
        best = max(scored, default=(0,))
        if key not in said and best[0] > 0:
            found[key] = best[2]
    amount = found.get("amount", "")
    words = {word.lower() for word in split_words(amount)}
    if ONE_PIECE & words and "amount" not in said and "quantity" in found:
        found["unit_price"] = found.pop("amount")
    if "unit_price" in found:
        found.setdefault("amount", found["unit_price"])
    return found


def _score(name, key):
    """Return how clearly a name tells what a column is; 0: not at all."""
    words = [word.lower() for word in split_words(name)]
    telling = {word: rank for word in words for rank in _ranks(word, WORDS[key].split())}
    if not telling:
        return 0
    is_number = any(_ranks(word, NUMBERS) for word in words)
    # A customer's name is none, and an order's date no order.
    if key in ("order", "customer"):
        if set(words) - telling.keys() - NUMBERS and not is_number:
            return 0
    elif is_number and key != "quantity":
        return 0
    return 1 / (1 + min(telling.values())) + 0.01 / len(words)


def _ranks(word, listed):
    """Return the places of those listed that a word is, or, as a compound, holds at an end."""
    return [
        rank
        for rank, known in enumerate(listed)
        if word == known or (len(known) > 4 and (word.startswith(known) or word.endswith(known)))
    ]


def _problems(written, names):
    known = [*WORDS, *OrderSettings._fields[1:]]
    for key in sorted(written.keys() - set(known)):
        yield f"no setting {key}; there are: {', '.join(known)}"
    for key in WORDS.keys() & written.keys():
        if written[key] != "" and written[key] not in names:
            yield f"setting {key} is {written[key]!r}: no column; there are: {', '.join(names)}"
    allowed = {
        "date_format": lambda value: value in DATE_FORMATS,
        "decimal": lambda value: value in (".", ","),
        "cut_off": lambda value: type(value) is date,
        "held_back": lambda value: type(value) is int and value >= 0,
    }
    wanted = {
        "date_format": f"one of {', '.join(DATE_FORMATS)}",
        "decimal": "a point or a comma",
        "cut_off": "a day such as 2025-10-01, without quotes",
        "held_back": "a whole number of days, 0 or more",
    }
    for key, is_allowed in allowed.items():
        if key in written and not is_allowed(written[key]):
            yield f"setting {key} is {written[key]!r}: give {wanted[key]}"


def _missing(columns, names):
    for key in REQUIRED:
        if key not in columns:
            yield (
                f"no column is known to be the {key}; the columns are {', '.join(names)}. Say it "
                f'in transactions.toml beside the file: {key} = "{names[0] if names else ""}"'
            )
    others = [name for key, name in columns.items() if key != "unit_price"]
    twice = [name for name in others if others.count(name) > 1]
    if "unit_price" in columns and "quantity" not in columns:
        yield f"column {columns['unit_price']} is a price of one piece: say which is the quantity"
    if twice:
        keys = [key for key, name in columns.items() if name == twice[0]]
        yield f"column {twice[0]} is {' and '.join(keys)} at once: name another one"


def as_column(group):
    """Return a product group as part of the name of a column."""
    return re.sub(r"\W+", "_", group.strip().lower()).strip("_") or "none"
