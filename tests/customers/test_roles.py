"""What a column is: fifty awkward columns as exports have them, names that say it, settings."""

import numpy as np
import pandas as pd
import pytest

from segmentation.customers import TableError, infer_roles, load_table
from segmentation.customers.names import is_flagged

N = 200
RNG = np.random.default_rng(0)
SHUFFLED = RNG.permutation(N)
WORDS = ["alpha", "beta", "gamma", "delta", "epsilon"]

#: What a column holds, and what it is, by a name that says nothing and by one that does.
AWKWARD = [
    ("whole numbers in a row", "x", range(5, 205), "identifier"),
    ("the same, shuffled", "x", SHUFFLED + 10_001, "identifier"),
    ("steps of ten", "x", np.arange(N) * 10 + 7, "identifier"),
    ("growing with gaps", "x", np.cumsum(RNG.integers(1, 4, N)) + 500, "identifier"),
    ("distinct and irregular", "x", SHUFFLED**2 + 17, "number"),
    ("the same, called an id", "clientId", SHUFFLED**2 + 17, "identifier"),
    ("called so in German", "Kundennr", SHUFFLED**2 + 17, "identifier"),
    ("in German, longer", "KUNDENNUMMER", SHUFFLED**2 + 17, "identifier"),
    ("abbreviated", "cust_no", SHUFFLED**2 + 17, "identifier"),
    ("in Spanish", "número", SHUFFLED**2 + 17, "identifier"),
    ("a telephone", "Telefon", SHUFFLED**2 + 3_000_000, "identifier"),
    ("called an id, not distinct", "branch_id", np.arange(N) % 7, "category"),
    ("paid is no id", "amountPaid", SHUFFLED**2 + 17, "number"),
    ("hexadecimal", "x", [f"{i:08x}" for i in range(N)], "identifier"),
    ("addresses of mail", "x", [f"c{i}@example.org" for i in range(N)], "identifier"),
    ("fractions", "x", np.arange(N) * 7.5 + 0.25, "number"),
    ("few whole numbers", "x", np.arange(N) % 3, "number"),
    ("negative", "x", -(np.arange(N) % 9) - 0.5, "number"),
    ("scientific", "x", ["1e3", "2.5E-2", "7"] * 66 + ["1", "2"], "number"),
    ("decimal comma", "x", ["1,5", "2,5", "3,25", "4"] * 50, "number"),
    ("euros", "x", ["1.234,50 €", "99,00 €", "12,10 €", "7,00 €"] * 50, "number"),
    ("dollars in parentheses", "x", ["$1,200.00", "($15.50)", "$3.00", "$7.25"] * 50, "number"),
    ("percent", "x", ["12 %", "3,5 %", "40 %", "7 %"] * 50, "number"),
    ("with words for missing", "x", ["1.5", "unknown", "2", "n/a"] * 50, "number"),
    ("with a slip", "x", ["1.5", "2", "3", "4"] * 49 + ["1.5", "2", "3", "o"], "number"),
    ("mostly missing", "x", [1.0, None, None, 3.0] * 40 + [None] * 40, "not used"),
    ("two currencies", "x", ["$5", "7 €", "$9", "8 €"] * 50, "category"),
    ("post codes", "x", ["01067", "80331", "04109", "20095"] * 50, "category"),
    ("yes and no", "x", ["Y", "n"] * 100, "yes/no"),
    ("in German", "x", ["ja", "nein"] * 100, "yes/no"),
    ("in French", "x", ["oui", "non"] * 100, "yes/no"),
    ("in Spanish, with gaps", "x", ["si", "no", None, "si"] * 50, "yes/no"),
    ("in Portuguese", "x", ["sim", "não"] * 100, "yes/no"),
    ("in Polish", "x", ["tak", "nie"] * 100, "yes/no"),
    ("truth", "x", ["TRUE", "FALSE"] * 100, "yes/no"),
    ("one and nought", "x", [1.0, 0.0, None, 1.0] * 50, "yes/no"),
    ("a cross and nothing", "x", ["x", None] * 100, "yes/no"),
    ("crosses only", "x", ["x"] * N, "constant"),
    ("yes, no and perhaps", "x", ["yes", "no", "perhaps", "no"] * 50, "category"),
    ("one word and nothing", "x", ["gold", None] * 100, "category"),
    ("blanks only", "x", ["", " "] * 100, "constant"),
    ("one value", "x", ["a"] * N, "constant"),
    ("nothing", "x", [None] * N, "constant"),
    ("words", "x", WORDS * 40, "category"),
    ("question marks", "x", ["a", "?", "b", "c"] * 50, "category"),
    ("grades", "x", ["A-", "B+", "-", "C"] * 50, "category"),
    ("many words", "x", [f"city {i % 60}" for i in range(N)], "category"),
    ("dates", "x", [f"2020-01-{i % 28 + 1:02}" for i in range(N)], "date"),
    ("dates in German", "x", [f"{i % 28 + 1}.3.2021" for i in range(N)], "date"),
    ("dates with times", "x", [f"2020-01-{i % 28 + 1:02} 10:00" for i in range(N)], "date"),
    ("sentences", "x", [f"my street is number {i}" for i in range(N)], "free text"),
    ("churn", "Churn", ["Yes", "No"] * 100, "target"),
    ("churn in camel case", "isChurned", [0, 1] * 100, "target"),
    ("in German", "gekündigt", ["ja", "nein"] * 100, "target"),
    ("responses counted", "response", np.arange(N) % 5, "number"),
    ("by its name alone", "y", np.arange(N) % 5, "target"),
    ("religion", "religion", WORDS * 40, "special category"),
    ("ethnic origin", "ethnic_origin", WORDS * 40, "special category"),
    ("health", "HealthStatus", WORDS * 40, "special category"),
    ("in German", "Konfession", WORDS * 40, "special category"),
    ("sex", "sex", ["f", "m"] * 100, "category"),
    (
        "a customer listed twice",
        "customer_id",
        [7301, *RNG.permutation(N - 1) + 7300],
        "identifier",
    ),
    ("a phone with gaps", "phone", [None, None, *RNG.permutation(N - 2) + 6e9], "identifier"),
    ("id first", "ID client", RNG.permutation(N) * 7 + 31, "identifier"),
    ("number of the client", "Numéro de client", RNG.permutation(N) * 7 + 31, "identifier"),
    ("in one word", "Telefonnummer", RNG.permutation(N) * 7 + 31, "identifier"),
    ("few ids", "visits no", np.arange(N) % 50, "number"),
    ("churn with gaps", "Churn", ["Yes", "No", "#N/A", "No"] * 50, "target"),
    ("churn in two cases", "Churn", ["Yes", "No", "no", "NO"] * 50, "target"),
    ("churn as a cross", "Churned", ["x", "", "", "x"] * 50, "target"),
    ("no cents", "x", [f"{i % 90 + 10}.-" for i in range(N)], "number"),
    ("thousands", "x", ["631.5K", "2M", "900K", "$12K"] * 50, "number"),
    ("months or millions", "x", ["12M", "24M", "36M", "1M"] * 50, "category"),
    ("years", "x", ["45 years", "1 year", "30 yrs", "7"] * 50, "number"),
    ("two units", "x", ["2 h", "30 min", "1 h", "5 min"] * 50, "category"),
    ("house numbers", "x", ["6", "6a", "12", "7"] * 50, "category"),
    ("longer post codes", "x", ["90210", "90210-1234", "10001", "10001-0001"] * 50, "category"),
    ("post codes by name", "PLZ", [80331, 20095, 50667, 60311] * 50, "category"),
    ("in English", "Zip Code", [80331, 20095, 50667, 60311] * 50, "category"),
    ("branches", "branch_code", np.arange(N) % 30, "category"),
    ("dates with slashes", "x", [f"2019/07/{i % 28 + 1:02}" for i in range(N)], "date"),
    ("months in letters", "x", [f"{i % 28 + 1}-Jul-19" for i in range(N)], "date"),
    ("American", "x", [f"Jul {i % 28 + 1}, 2019" for i in range(N)], "date"),
    ("German months", "x", [f"{i % 28 + 1}. März 2019" for i in range(N)], "date"),
    ("compact", "x", [20190701 + i % 28 for i in range(N)], "date"),
    ("months", "x", [f"2019-{i % 12 + 1:02}" for i in range(N)], "date"),
    ("seconds", "created_at", SHUFFLED * 86_400 + 1_600_000_000, "date"),
    ("large amounts", "assets", SHUFFLED**2 * 86_411 + 1_000_000_000, "number"),
    ("German compounds", "Geschäftspartnernummer", SHUFFLED**2 + 17, "identifier"),
    ("with a sign", "Nº Cliente", SHUFFLED**2 + 17, "identifier"),
    ("sixteen digits", "x", [f"4{i:015}" for i in SHUFFLED**2 + 17], "identifier"),
    ("money of accounts", "account_balance", SHUFFLED**2 + 17, "number"),
    ("use of mobiles", "mobile_data_mb", SHUFFLED**2 + 17, "number"),
    ("an index", "credit_index", SHUFFLED**2 + 17, "number"),
    ("stores", "store_no", np.arange(N) % 12, "category"),
    ("post code and place", "Zip/Postal", np.arange(N) % 99 + 80331, "category"),
    ("cities of which most are named once", "x", [f"c{i % 150}" for i in range(N)], "not used"),
    ("one leading zero", "x", ["00", *map(str, SHUFFLED[:-1] ** 2)], "number"),
    ("topped", "x", [*map(str, np.arange(N - 9) % 70), *["90+"] * 9], "number"),
    (
        "words of databases",
        "x",
        ["1.5", "\\N", "<NA>", "3", "2", "7", "#DIV/0!", "n/d"] * 25,
        "number",
    ),
    ("a flag and nothing", "x", ["1", ""] * 100, "yes/no"),
    ("the same in words", "x", ["Y", ""] * 100, "yes/no"),
    ("of Access", "x", [-1, 0] * 100, "yes/no"),
    ("churn as a flag and nothing", "Churned", ["Y", "", ""] * 66 + ["Y", ""], "target"),
    ("until for ever", "valid_to", [20240105, 20240209, 99991231, 20230717] * 50, "date"),
    ("months in digits", "Monat", [202301, 202302, 202303, 202312] * 50, "date"),
    ("serials of Excel", "signup_date", SHUFFLED + 43_831, "date"),
    ("with the time of day", "x", [20230105101500 + i for i in range(N)], "date"),
    ("quarters", "x", ["2023-Q1", "2023-Q2", "2023-Q4", "2024-Q1"] * 50, "date"),
    (
        "dates or never",
        "x",
        [*[f"2020-01-{i % 28 + 1:02}" for i in range(N - 5)], *["never"] * 5],
        "date",
    ),
    ("in Spanish words", "x", [f"{i % 28 + 1} de enero de 2023" for i in range(N)], "date"),
    ("in Polish", "x", [f"{i % 28 + 1} maj 2023" for i in range(N)], "date"),
    ("a place", "x y", np.arange(N) % 9 + 0.5, "number"),
    ("accounting", "x", [f"$({i % 90}.50)" for i in range(N)], "number"),
]


@pytest.mark.parametrize(
    ("name", "values", "role"),
    [case[1:] for case in AWKWARD],
    ids=[f"{i}: {case[0]}" for i, case in enumerate(AWKWARD)],
)
def test_role_of_a_column_in_a_file(tmp_path, name, values, role):
    table = pd.DataFrame({name: list(values), "other": RNG.normal(size=N).round(3)})
    table.to_csv(tmp_path / "t.csv", sep=";", index=False)
    roles = infer_roles(load_table(tmp_path / "t.csv"))
    assert roles["role"][name] == role
    assert roles["why"][name]
    assert roles["role"]["other"] == "number"


def test_settings_come_before_what_is_inferred():
    table = pd.DataFrame({"a": WORDS * 40, "religion": WORDS * 40, "Churn": ["a", "b"] * 100})
    settings = {"roles": {"a": "identifier"}, "columns": ["religion"], "target": "Churn"}
    assert infer_roles(table, settings)["role"].tolist() == ["identifier", "category", "target"]
    assert infer_roles(table, {"id": "a"})["role"]["a"] == "identifier"
    named = infer_roles(table, {"columns": ["Churn", "a"]})["role"]
    assert named.tolist() == ["category", "special category", "category"]
    with pytest.raises(TableError, match="fruit"):
        infer_roles(table, {"roles": {"a": "fruit"}})


@pytest.mark.parametrize(
    "name",
    [
        *("race", "ethnic_origin", "Ethnicité", "etnia", "raça", "RELIGIÓN", "Religião"),
        *("Religionszugehörigkeit", "Konfession", "political_party", "Party", "UnionMember"),
        *(
            "chronic_diseases",
            "HIV status",
            "Kirchensteuerpflichtig",
            "niepełnosprawność",
            "Allergies",
            "Blutgruppe",
            "disabled",
            "HealthStatus",
            "Schwerbehindert",
            "sexual_orientation",
        ),
    ],
)
def test_names_of_special_categories(name):
    role = infer_roles(pd.DataFrame({name: WORDS * 40}))
    assert role["role"][name] == "special category"
    assert infer_roles(pd.DataFrame({name: WORDS * 40}), {"columns": [name]})["role"][name] == (
        "category"
    )


@pytest.mark.parametrize(
    "name",
    [
        *("party_size", "race_distance", "health_score", "Screen Orientation", "European Union"),
        *(
            "Conso hiver (kWh)",
            "Politique tarifaire",
            "account_disabled",
            "Diagnostic DPE",
            "HIVE",
            "raza_perro",
            "chronicle_reader",
            "email_subscribed",
            "purchased_kinds",
            "Convertible",
            "favourite genre",
            "target_group",
            "private_label_card",
            "trace",
            "credit union branch",
        ),
    ],
)
def test_names_that_only_sound_like_it(name):
    for values in (WORDS * 40, ["yes", "no"] * 100):
        table = pd.DataFrame({name: values, "spent": RNG.normal(size=N).round(3)})
        assert infer_roles(table)["role"][name] in ("category", "yes/no")
    assert not is_flagged(name)


@pytest.mark.parametrize("name", ["Gender", "sexe", "GÉNERO", "nationality", "customer_sex"])
def test_names_that_are_flagged(name):
    assert is_flagged(name)


def test_what_is_named_as_the_target_is_held_out():
    table = pd.DataFrame(
        {
            "Churn Label": ["yes", "no"] * 100,
            "Churn Score": np.arange(N) % 90,
            "Churn Reason": ["price", None, "moved", None] * 50,
            "converted": [1, 0, 0, 0] * 50,
            "plan": WORDS * 40,
        }
    )
    roles = infer_roles(table)["role"]
    assert roles.tolist() == ["target", "outcome", "outcome", "outcome", "category"]
    roles = infer_roles(table, {"target": "converted", "roles": {"Churn Score": "number"}})["role"]
    assert roles.tolist()[:2] == ["outcome", "number"]
    assert roles["converted"] == "target"
    # What the settings say to use is used.
    columns = ["Churn Score", "Churn Label", "plan"]
    roles = infer_roles(table, {"columns": columns, "target": "converted"})["role"]
    assert roles[columns].tolist() == ["number", "yes/no", "category"]


def test_the_target_is_the_plain_one_of_several():
    table = pd.DataFrame({"Churn Reason": ["price", "other"] * 100, "Churn": [0, 0, 1, 1] * 50})
    assert infer_roles(table)["role"].tolist() == ["outcome", "target"]


def test_beside_x_y_is_a_place():
    table = pd.DataFrame({"x": RNG.normal(size=N), "y": RNG.normal(size=N)})
    assert infer_roles(table)["role"].tolist() == ["number", "number"]
