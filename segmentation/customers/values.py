"""What is no number: words for a missing value, yes and no, categories as text."""

import numpy as np
import pandas as pd

#: What stands for a missing value among numbers.
MISSING_WORDS = {
    *("na", "n/a", "#n/a", "n.a.", "n.a", "<na>", "nan", "nat", "null", "(null)", "\\n", "none"),
    *("(none)", "nil", "missing", "unknown", "undefined", "not available", "not applicable"),
    *("not given", "not set", "no data", "tbd", "(blank)", "?", ".", "..", "...", "*", "-", "--"),
    *("---", "----", "-,--", "-.--", "\u2013", "\u2014", "#div/0!", "#value!", "#ref!", "#name?"),
    *("#null!", "#num!", "#wert!", "#n/v", "#bezug!", "k.a.", "k. a.", "k.a", "n.v.", "n.b."),
    *("keine angabe", "nicht angegeben", "unbekannt", "inconnu", "non renseigné", "n.d.", "n/d"),
    *("nd", "s/d", "b.d.", "brak", "desconocido", "sin dato", "no informado", "não informado"),
    *("nao informado", "sconosciuto", "onbekend", "okänd", "ukendt", "bilinmiyor"),
}
#: Among categories these may be categories: no add-on, Namibia, North Dakota, a grade.
MISSING_CATEGORIES = MISSING_WORDS - {"na", "nd", "none", "nil", "nan", "-", "--", ".", "*"}

YES_NO = (
    *(("yes", "no"), ("y", "n"), ("true", "false"), ("t", "f"), ("1", "0"), ("-1", "0"), ("x", "")),
    *(("ja", "nein"), ("j", "n"), ("wahr", "falsch"), ("ja", "nee"), ("ja", "nej")),
    *(("oui", "non"), ("o", "n"), ("vrai", "faux"), ("si", "no"), ("sí", "no"), ("s", "n")),
    *(("sim", "não"), ("sim", "nao"), ("verdadero", "falso"), ("vero", "falso")),
    *(("tak", "nie"), ("ano", "ne"), ("da", "ne"), ("igen", "nem"), ("evet", "hay\u0131r")),
    *(("kyllä", "ei"), ("да", "нет")),
)


def says_missing(values, words=MISSING_WORDS):
    """Return an array that says which values stand for a missing one."""
    return np.array(
        [str(value).strip().lower() in words for value in np.asarray(values, dtype=object)],
        dtype=bool,
    )


def to_texts(column, missing=()):
    """Return a column as text, without white space around it.

    Parameters
    ----------
    column : Series
    missing : collection of str, optional
        Words, in lower case, that stand for a missing value; so does an empty text.

    Returns
    -------
    Series of str
    """
    codes, distinct = pd.factorize(column)
    # A whole number has one form, whether some of its column are missing or not.
    words = [
        str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
        for value in distinct
    ]
    words = ["" if word.lower() in missing else word for word in words]
    texts = np.array([*words, ""], dtype=object)[codes]
    return pd.Series(texts, index=column.index, dtype="str").replace("", np.nan)


#: What stands for yes where an empty field is a no.
CROSSES = {yes for yes, _ in YES_NO} | {"\u2713", "\u2714"}
_YES = dict.fromkeys(CROSSES, "yes") | {no: "no" for _, no in YES_NO}


def is_yes_no(words):
    """Whether lower-case words are a yes and a no of one language."""
    return any(set(words) == {yes, no} for yes, no in YES_NO)


def to_categories(column, role, missing=(), cross=False):
    """Return a column as categories; of a yes/no column, ``yes`` and ``no``.

    Parameters
    ----------
    column : Series
    role : str
    missing : collection of str, optional
        As for `to_texts`.
    cross : bool, optional
        Whether an empty field is a no.

    Returns
    -------
    Series of str
    """
    texts = to_texts(column, missing)
    if role != "yes/no":
        return texts
    answers = texts.str.lower().map(_YES)
    return answers.where(texts.notna(), "no") if cross else answers
