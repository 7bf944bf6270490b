"""Currencies, measures and multiples, as people write them beside a number."""

#: What numbers are amounts of, and how that is written, in any case.
CURRENCIES = {
    **{
        "$": ("$", "US$", "USD", "dollar", "dollars"),
        "€": ("€", "EUR", "euro", "euros"),
        "£": ("£", "GBP"),
        "¥": ("¥", "JPY"),
    },
    **{"₹": ("₹", "Rs", "Rs.", "INR"), "₽": ("₽", "RUB"), "zł": ("zł", "PLN"), "Kč": ("Kč", "CZK")},
    **{"Ft": ("Ft", "HUF"), "lei": ("lei", "RON"), "CHF": ("CHF", "Fr."), "R$": ("R$", "BRL")},
    **{"MXN": ("MXN", "MX$"), "SGD": ("SGD", "S$"), "ZAR": ("ZAR",)},
    **{"₺": ("₺", "TL", "TRY"), "kr": ("kr", "kr."), "SEK": ("SEK",), "NOK": ("NOK",)},
    **{"DKK": ("DKK",), "CAD": ("CAD", "C$"), "AUD": ("AUD", "A$"), "CNY": ("CNY",)},
}
MEASURES = {
    "year": [
        "year",
        "years",
        "yr",
        "yrs",
        "jahr",
        "jahre",
        "an",
        "ans",
        "año",
        "años",
        "anno",
        "anni",
        "ano",
        "anos",
    ],
    "month": ["month", "months", "monat", "monate", "mois", "mes", "meses", "mese", "mesi", "mês"],
    "week": ["week", "weeks", "woche", "wochen", "semaine", "semaines", "semana", "semanas"],
    "day": [
        "day",
        "days",
        "tag",
        "tage",
        "jour",
        "jours",
        "día",
        "días",
        "giorno",
        "giorni",
        "dia",
        "dias",
    ],
    "hour": ["hour", "hours", "hr", "hrs", "h", "std", "std.", "stunde", "stunden"],
    "minute": ["minute", "minutes", "min", "min.", "mins", "minuten"],
    **{"kg": ["kg"], "lb": ["lb", "lbs"], "km": ["km"], "mile": ["mi", "mile", "miles"]},
    **{"m²": ["m²", "sqm", "qm"], "cm": ["cm"], "GB": ["gb"], "MB": ["mb"]},
}
#: Behind a number, what it is multiplied by. M may be months where it stands alone.
SCALES = {
    **dict.fromkeys(("K", "k", "Tsd.", "Tsd"), 1_000),
    **dict.fromkeys(("M", "Mio.", "Mio"), 1_000_000),
    **dict.fromkeys(("bn", "Mrd.", "Mrd"), 1_000_000_000),
}
#: The unit that a spelling in lower case stands for.
UNIT_OF = {
    spelling.lower(): unit
    for unit, spellings in (CURRENCIES | MEASURES).items()
    for spelling in spellings
}
