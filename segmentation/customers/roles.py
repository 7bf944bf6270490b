"""What each column of a table is: a number, a category, an identifier, a target, ..."""

import re

import numpy as np
import pandas as pd

from segmentation.customers.settings import TableError
from segmentation.customers.table import is_nested
from segmentation.customers.values import (
    MISSING_CATEGORIES,
    MISSING_WORDS,
    is_yes_no,
    to_numbers,
    to_texts,
)

#: A column of more categories keeps the most frequent ones; the rest is one category.
MAX_CATEGORIES = 20
#: A column of numbers of which more is missing would mostly be what was filled in.
MAX_MISSING = 0.5

#: The roles that a column may have, and what is done with it.
TREATMENTS = {
    "number": "used",
    "category": "used",
    "yes/no": "used, as yes and no",
    "target": "held out",
    "identifier": "carried along, not used",
    "special category": "left out",
    "constant": "left out",
    "date": "left out",
    "free text": "left out",
    "not used": "left out",
}


def _words(text):
    return frozenset(text.split())


# Words of names are compared in lower case, in the languages in which tables are exported most.
#: Last words of the name of a column that numbers customers.
ID_WORDS = _words("id ids key uuid guid nr no num number nummer numero número index ref code")
_ID_NAME = re.compile(
    r"(customer|cust|client|cliente|kunden|kunde|kd|user|member|mitglieds|account|konto|klant|kund"
    r"|vertrags|contract|telefon|mobil|handy|phone)"
    r"(s|en)?(id|key|no|nr|num|number|nummer|numero|code|ref)"
)
#: First words of such a name in Romance languages: ID client, Numéro de client.
ID_FIRST = _words("id numero número numéro código codigo codice code")
#: Of the numbers that a column of such a name gives, how many must be distinct: customers are
#: listed twice by mistake.
NEARLY_ALL = 0.95
#: Numbers that reach a person, which tell customers apart and measure nothing.
CONTACT_WORDS = _words("phone telephone telefon tel mobile fax iban account ssn")
#: Words of the name of a column of two values that segments are mostly asked to explain.
TARGET_WORDS = _words(
    "churn churned target label response responded responder converted conversion subscribed "
    "purchased cancelled canceled exited attrition outcome gekündigt gekuendigt kündigung "
    "kuendigung abgewandert résilié resilie abandono"
)
#: The same for special categories of personal data (GDPR, Article 9) ...
SPECIAL_WORDS = _words(
    "race ethnic ethnicity religion religious religiosity faith politics political party union "
    "unionized health disease illness diagnosis disability disabled pregnant pregnancy sexual "
    "sexuality orientation genetic biometric rasse ethnie konfession gewerkschaft partei "
    "gesundheit krankheit behinderung schwanger syndicat santé raza religión sindicato salud "
    "razza religione sindacato salute"
)
#: ... and for what the law protects and segments often stand for.
FLAGGED_WORDS = _words(
    "sex gender nationality citizenship geschlecht nationalität staatsangehörigkeit sexe genre "
    "nationalité sexo género nacionalidad sesso genere nazionalità"
)
DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}([T ].*)?|\d{1,2}([./-])\d{1,2}\2\d{2,4}( .*)?")


def infer_roles(table, settings=None, *, missing_words=True):
    """Find what each column of a table is, from its values and its name.

    Parameters
    ----------
    table : DataFrame of shape (n_customers, n_columns)
        As `segmentation.customers.load_table` reads it.
    settings : dict, optional
        As `read_settings` returns them: columns to use, the id, the target, and roles, which come
        before what is inferred.
    missing_words : bool, optional
        Whether words such as unknown are missing among categories too.

    Returns
    -------
    DataFrame, indexed by column, in the order of the table
        ``role`` is one of `TREATMENTS`, ``why`` says how it is known, ``treatment`` what is done.

    Raises
    ------
    TableError
        If the settings give a column a role that there is not.
    """
    settings = settings or {}
    problems = [
        f"column {name} has no role {role}; there are: {', '.join(TREATMENTS)}"
        for name, role in settings.get("roles", {}).items()
        if role not in TREATMENTS
    ]
    if problems:
        raise TableError("The settings:\n- " + "\n- ".join(problems))
    named = {settings[key]: role for key, role in SINGLES.items() if key in settings}
    if "target" not in settings:
        named |= {name: "target" for name in ("y", "target") if name in table}
    roles = {}
    for name in table.columns:
        if name in settings.get("roles", {}):
            roles[name] = settings["roles"][name], "set"
        elif name in named:
            roles[name] = named[name], "set" if name in settings.values() else "its name"
        else:
            convention = table.attrs.get("conventions", {}).get(name)
            missing = MISSING_CATEGORIES if missing_words else ()
            roles[name] = _role_of(name, table[name], settings, convention, missing)
    frame = pd.DataFrame.from_dict(roles, orient="index", columns=["role", "why"])
    frame["treatment"] = frame["role"].map(TREATMENTS)
    return frame.rename_axis("column")


#: Settings that name one column of a role.
SINGLES = {"id": "identifier", "target": "target"}


def _role_of(name, column, settings, convention, missing):
    """Return a role and the reason, for a column that the settings give none."""
    asked = name in settings.get("columns", ())
    words = words_of(name)
    if words & SPECIAL_WORDS and not asked:
        which = ", ".join(sorted(words & SPECIAL_WORDS))
        return "special category", f"{which}: Article 9 of the GDPR"
    named = words & TARGET_WORDS and not asked and "target" not in settings
    if named and _has_two_values(name, column, convention, missing):
        return "target", "its name, and two values"
    role, why = _infer_role(name, column, convention, missing)
    # An identifier is carried along, whatever is used.
    if "columns" in settings and not asked and role != "identifier":
        return "not used", "not among the columns to use"
    return role, why


def words_of(name):
    """Return the words of a column's name, in lower case: ``isChurned`` is is and churned."""
    return {*_split_name(name)}


def _split_name(name):
    return [word.lower() for word in re.findall(r"[A-ZÄÖÜ]?[a-zà-öø-ÿ]+|[A-ZÄÖÜ]+", name)]


def _has_two_values(name, column, convention, missing):
    if is_nested(column):
        return False
    texts = to_texts(column, MISSING_WORDS).str.lower()
    return texts.nunique() == 2 or _infer_role(name, column, convention, missing)[0] == "yes/no"


def role_by_values(name, table):
    """Return the role that a column has by its values, whatever its name or the settings say."""
    convention = table.attrs.get("conventions", {}).get(name)
    return _infer_role(name, table[name], convention, MISSING_CATEGORIES)[0]


def is_flagged(name):
    """Return whether a column's name says that the law protects it in many places."""
    return bool(words_of(name) & FLAGGED_WORDS)


def is_used(roles, name):
    """Whether a column takes part in the segments; `roles` as `infer_roles` gives them."""
    return name in roles.index and TREATMENTS[roles["role"][name]].startswith("used")


def _infer_role(name, column, convention, missing):
    """Return a role and the reason for it."""
    if is_nested(column):
        return "not used", "lists, records or bytes"
    if pd.api.types.is_datetime64_any_dtype(column):
        return "date", "its type"
    numbers = to_numbers(column, convention)
    texts = to_texts(column, missing if numbers is None else ())
    given = (texts if numbers is None else numbers).dropna()
    distinct = given.unique()
    # Of text, one value and nothing are two categories, such as a cross and no cross.
    if len(distinct) < 2 and (numbers is not None or len(given) in (0, len(column))):
        return "constant", "one value" if len(distinct) else "empty"
    words = set(to_texts(pd.Series(distinct[:9])).str.lower())
    if is_yes_no(words) and (words != {"x"} or len(given) < len(column)):
        return "yes/no", f"only {' and '.join(sorted(words))}" + " or nothing" * (words == {"x"})
    if numbers is not None:
        if (missing := numbers.isna().mean()) > MAX_MISSING:
            return "not used", f"{missing:.0%} missing"
        if why := _tells_apart(name, numbers, column):
            return "identifier", why
        return "number", "numbers"
    if np.mean([DATE.fullmatch(text) is not None for text in distinct]) > 0.95:
        return "date", f"such as {distinct[0]}"
    if len(distinct) > max(MAX_CATEGORIES, len(given) / 2):
        if np.mean([len(text.split()) for text in distinct]) >= 4:
            return "free text", f"{len(distinct):,} distinct texts"
        return "identifier", f"{len(distinct):,} distinct values of {len(given):,}"
    return "category", f"{len(distinct):,} categories"


def _tells_apart(name, numbers, column):
    """Say why whole numbers, distinct, count customers or reach them; None if they do not."""
    given = numbers.dropna()
    if not np.isfinite(given).all() or (given % 1 != 0).any():
        return None
    words = _split_name(name)
    compact = "".join(words)
    called = words and (words[-1] in ID_WORDS or words[0] in ID_FIRST or set(words) & CONTACT_WORDS)
    if (called or _ID_NAME.fullmatch(compact)) and column.nunique() > NEARLY_ALL * len(given):
        return "its name, and another whole number for every customer"
    if len(given) < len(numbers) or not column.is_unique:
        return None
    steps = np.diff(np.sort(numbers))
    if (steps == steps[0]).all():
        return f"whole numbers in steps of {steps[0]:.0f}"
    # As a database counts, some having left since.
    if (np.diff(numbers) > 0).all() and np.ptp(numbers) < 3 * len(numbers):
        return "whole numbers that grow from row to row"
    return None
