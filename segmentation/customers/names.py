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
ID_WORDS = _words("id ids key uuid guid nr no number nummer numero ref code")
_ID_NAME = re.compile(
    r"(customer|cust|client|cliente|kunden|kunde|kd|user|member|mitglieds|account|konto|klant|kund"
    r"|contract)(s|en)?(id|key|no|nr|num|number|nummer|numero|code|ref)"
    r"|.*(nummer|nr|konto)|siret|siren|pesel|rut|cpf|cnpj|nif|dni|nie"
)
#: First words of such a name in Romance languages: ID client, Nº de client.
ID_FIRST = _words("id numero codigo codice code n no")
#: Numbers that reach a person, which tell customers apart and measure nothing.
CONTACT_WORDS = _words(
    "phone telephone telefon tel mobile movil celular cell fax iban account ssn card"
)
CONTACT_FILLERS = _words("number no nr home work private main primary customer client contact bank")
#: Numbers that name something: neither their size nor their mean says anything.
CODE_WORDS = _words(
    "code codes kode codigo codice zip zipcode plz postleitzahl postcode postal pincode cp mcc blz "
    "id"
)
#: Places, which are numbered too, where there are not many.
PLACE_WORDS = _words("store shop branch filiale region outlet agence sucursal filial")
MANY_PLACES = 100
#: Where whole numbers count seconds, days or months.
TIME_WORDS = _words(
    "date dates time timestamp ts created updated joined since epoch at datum fecha data dato day "
    "login seen start end valid month monat mes mois"
)

#: Words that say nothing of what a column is about.
FILLERS = _words(
    "customer customers client clients cliente user person member membership is has have the of a "
    "my de du del della der des la le status state group type category class kategorie value lead "
    "flag variable var col column field binary y n name code label data info history "
    "affiliation background condition conditions issue issues problem problems trade labour labor "
    "mental physical preference"
)

#: Beginnings of words of two values that segments are mostly asked to explain ...
TARGET_STEMS = (
    *("churn", "attrit", "gekundigt", "gekuendigt", "kundigung", "kuendigung", "abgewandert"),
    *("resilie", "abandono"),
)
#: ... and words that need to stand alone, or beside those of campaigns.
TARGET_WORDS = _words(
    "target label response responded responder conversion outcome subscribed converted purchased "
    "exited cancelled canceled"
)
CAMPAIGN_WORDS = _words("campaign marketing offer last final")

#: The same for special categories of personal data (GDPR, Article 9) ...
SPECIAL_STEMS = (
    *("ethnic", "ethnie", "etnic", "etnia", "religi", "konfession", "glaubens", "wyznani"),
    *(
        "kirchensteuer",
        "gewerkschaft",
        "syndicat",
        "sindicat",
        "sindacat",
        "unionized",
        "unionised",
    ),
    *("gesundheit", "krankheit", "disease", "illness", "disabilit", "behinder", "schwerbehinder"),
    *("niepelnospraw", "funktionsneds", "engelli", "discapa", "deficien", "allergi", "pflegegrad"),
    *("blutgruppe", "biometric", "genetic", "pregnan", "schwanger", "embaraz", "sexual", "sexuell"),
)
SPECIAL_WORDS = _words(
    "race racial rasse raza razza raca caste faith party partei political politics politisch union "
    "health sante salud salute saude medical hiv chronic diagnosis diagnose diagnoses handicap "
    "disabled enceinte wheelchair kosher halal disease diseases blood orientation sexual"
)
#: ... and for what the law protects and segments often stand for.
FLAGGED_WORDS = _words(
    "sex gender nationality citizenship geschlecht nationalitat nationalitaet staatsangehorigkeit "
    "sexe genre nationalite sexo genero nacionalidad nacionalidade sesso genere nazionalita"
)
#: Words and marks for amounts of money.
MONEY_WORDS = _words(
    "balance spend spent spending spendings revenue revenues income salary salaries wage wages "
    "charge charges amount amounts price prices sales turnover payment payments fee fees monetary "
    "purchases expenses money euro euros eur usd gbp chf dollar dollars umsatz betrag preis gehalt "
    "einkommen kosten saldo kontostand ausgaben revenu revenus montant prix depenses salaire solde "
    "ingresos ingreso gasto gastos precio importe sueldo reddito spesa fatturato importo"
)
#: What counts payments rather than adds them up.
COUNT_WORDS = _words("number count counts num no frequency method methods type date days months")
_CURRENCY = re.compile(r"[$€£¥₹]")
#: Letters that are no base letter and an accent.
_LETTERS = str.maketrans(
    {"ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "\u0131": "i", "ß": "ss", "æ": "ae"}
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
    plain = unicodedata.normalize("NFKD", name.translate(_LETTERS))
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    runs = re.findall(r"[^\W\d_]+", plain)
    return [word.casefold() for run in runs for word in _split_camel(run)]


def split_words(name):
    """Return the words of a column's name as they are written.

    Parameters
    ----------
    name : str

    Returns
    -------
    list of str
    """
    return [word for run in re.findall(r"[^\W_]+", name) for word in _split_camel(run)]


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
    called = words and (words[-1] in ID_WORDS or words[0] in ID_FIRST)
    reaches = set(words) & CONTACT_WORDS and set(words) <= CONTACT_WORDS | CONTACT_FILLERS
    return bool(called or reaches or _ID_NAME.fullmatch("".join(words)))


def is_code_name(name, n_distinct):
    """Whether whole numbers under a name stand for something, as post codes and stores do."""
    words = [word for word in split_name(name) if word not in {"nr", "no", "number", "ort"}]
    places = PLACE_WORDS if n_distinct <= MANY_PLACES else frozenset()
    return bool(set(words[-1:]) & (CODE_WORDS | places))


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


def is_money_name(name):
    """Return whether a column's name says that it holds amounts of money."""
    words = set(split_name(name))
    return bool(words & MONEY_WORDS or _CURRENCY.search(name)) and not words & COUNT_WORDS


def _telling_word(name, stems, words, fillers):
    """Return a word that begins with a stem, or one of words if the rest of a name are fillers."""
    found = split_name(name)
    if strong := [word for word in found if word.startswith(stems)]:
        return strong[0]
    telling = [word for word in found if word in words]
    return telling[0] if telling and set(found) <= words | fillers else None
