"""What the name of a column says of it, in the languages in which tables are exported most.

Names are compared as words in lower case without accents: ``isChurned`` is is and churned,
``RELIGIÓN`` is religion. Some words say it wherever they stand; others, such as party, only if
nothing else in the name says more than they do: ``party member`` does, ``party size`` does not.
"""

import re
import unicodedata


def _words(text):
    return frozenset(text.split())


#: Last words of the name of a column that numbers customers.
ID_WORDS = _words("id ids key uuid guid nr no num number nummer numero index ref code")
_ID_NAME = re.compile(
    r"(customer|cust|client|cliente|kunden|kunde|kd|user|member|mitglieds|account|konto|klant|kund"
    r"|vertrags|contract|telefon|mobil|handy|phone)"
    r"(s|en)?(id|key|no|nr|num|number|nummer|numero|code|ref)"
)
#: First words of such a name in Romance languages: ID client, Numéro de client.
ID_FIRST = _words("id numero codigo codice code")
#: Numbers that reach a person, which tell customers apart and measure nothing.
CONTACT_WORDS = _words("phone telephone telefon tel mobile fax iban account ssn")
#: Numbers that name something: neither their size nor their mean says anything.
CODE_WORDS = _words(
    "code codes kode codigo codice zip zipcode plz postleitzahl postcode pincode id"
)
#: Where whole numbers count seconds or days.
TIME_WORDS = _words(
    "date dates time timestamp ts created updated joined since epoch at datum fecha data dato day"
)

#: Words that say nothing of what a column is about.
FILLERS = _words(
    "customer customers client clients cliente user person member membership is has have the of a "
    "my de du del della der des la le status state group type category class kategorie value "
    "flag variable var col column field binary y n name code id label data info history "
    "affiliation background condition conditions issue issues problem problems trade labour labor "
    "mental physical preference"
)

#: Words, or how they begin, of two values that segments are mostly asked to explain ...
TARGET_STEMS = (
    *("churn", "attrit", "subscribed", "convert", "purchased", "exited", "cancelled", "canceled"),
    *("gekundigt", "gekuendigt", "kundigung", "kuendigung", "abgewandert", "resilie", "abandono"),
)
#: ... and those that need to stand alone, or beside words of campaigns.
TARGET_WORDS = _words("target label response responded responder conversion outcome")
CAMPAIGN_WORDS = _words("campaign marketing mail email offer last final")

#: The same for special categories of personal data (GDPR, Article 9) ...
SPECIAL_STEMS = (
    *("ethnic", "ethnie", "etnic", "etnia", "rasse", "raza", "razza", "raca", "caste"),
    *("religi", "konfession", "glaube", "politic", "politik", "politisch"),
    *("gewerkschaft", "syndicat", "sindicat", "sindacat", "unionized", "unionised"),
    *("gesundheit", "krankheit", "disease", "illness", "diagnos", "chronic", "hiv", "genetic"),
    *("disab", "behinder", "schwerbehinder", "discapa", "handicap", "deficien", "biometric"),
    *("pregnan", "schwanger", "embaraz", "enceinte", "sexual", "sexuell"),
)
SPECIAL_WORDS = _words(
    "race racial faith party partei union health sante salud salute saude medical"
)
#: ... and for what the law protects and segments often stand for.
FLAGGED_WORDS = _words(
    "sex gender nationality citizenship geschlecht nationalitat nationalitaet staatsangehorigkeit "
    "sexe genre nationalite sexo genero nacionalidad nacionalidade sesso genere nazionalita"
)


def split_name(name):
    """Return the words of a column's name, in lower case and without accents.

    Parameters
    ----------
    name : str

    Returns
    -------
    list of str
    """
    plain = unicodedata.normalize("NFKD", name)
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    runs = re.findall(r"[^\W\d_]+", plain)
    return [word.casefold() for run in runs for word in _split_camel(run)]


def _split_camel(run):
    """Split letters where a capital begins a word: HTTPStatus is HTTP and Status."""
    starts = [
        i
        for i in range(1, len(run))
        if run[i].isupper() and (run[i - 1].islower() or run[i + 1 : i + 2].islower())
    ]
    return [run[i:j] for i, j in zip([0, *starts], [*starts, len(run)], strict=True)]


def is_id_name(name):
    """Whether numbers under a name count customers or reach them, if they tell them apart."""
    words = split_name(name)
    called = words and (words[-1] in ID_WORDS or words[0] in ID_FIRST or set(words) & CONTACT_WORDS)
    return bool(called or _ID_NAME.fullmatch("".join(words)))


def is_code_name(name):
    """Whether numbers under a name stand for something, as post codes do."""
    return bool(set(split_name(name)[-1:]) & CODE_WORDS)


def is_time_name(name):
    """Whether large whole numbers under a name may be points in time."""
    return bool(set(split_name(name)) & TIME_WORDS)


def target_word(name):
    """Return the word of a name that says that segments are to explain the column, or None."""
    return _telling_word(name, TARGET_STEMS, TARGET_WORDS, FILLERS - {"group"} | CAMPAIGN_WORDS)


def target_stem(name):
    """Return the beginning of a word by which a name is of a target wherever it stands, or None."""
    words = split_name(name)
    return next((stem for stem in TARGET_STEMS for word in words if word.startswith(stem)), None)


def special_word(name):
    """Return the word of a name that says that a column is a special category, or None."""
    return _telling_word(name, SPECIAL_STEMS, SPECIAL_WORDS, FILLERS)


def is_flagged(name):
    """Return whether a column's name says that the law protects it in many places."""
    return _telling_word(name, (), FLAGGED_WORDS, FILLERS) is not None


def _telling_word(name, stems, words, fillers):
    """Return a word that begins with a stem, or one of words if the rest of a name are fillers."""
    found = split_name(name)
    if strong := [word for word in found if word.startswith(stems)]:
        return strong[0]
    telling = [word for word in found if word in words]
    return telling[0] if telling and set(found) <= words | fillers else None
