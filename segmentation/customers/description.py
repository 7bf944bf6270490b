"""What was done with the columns of a table, in sentences."""

import json

from segmentation.customers.names import is_flagged
from segmentation.customers.roles import is_used, role_by_values


def describe_roles(customers):
    """Say in Markdown how a table was read and what was left out, filled in or grouped.

    Parameters
    ----------
    customers : Customers

    Returns
    -------
    str
        A list, a sentence each; empty if there is nothing to say.
    """
    lines = []
    if customers.raw.attrs.get("encoding") == "windows-1252":
        lines.append(
            "The file is not UTF-8 and was read as Windows-1252. If letters look wrong, name its "
            "encoding in customers.toml."
        )
    for name, (role, why, treatment) in customers.roles.iterrows():
        lines += _describe_column(name, role, why, treatment, customers)
    if weights := customers.settings.get("weights"):
        counted = ", ".join(f"`{name}` {weight:g}" for name, weight in weights.items())
        lines.append(f"Weights in the distances of k-means and K-Prototypes, others 1: {counted}.")
    roles = customers.roles
    passed = [f"`{name}`" for name in roles.index[roles["why"] == "not among the columns to use"]]
    if passed:
        lines.append(f"Not among the columns to use: {', '.join(passed)}.")
    return "\n".join(f"- {line}" for line in [*lines, *customers.redundant])


def _describe_column(name, role, why, treatment, customers):
    """Yield a sentence or two on what was done with a column, none if it is plainly used."""
    if role in ("target", "outcome"):
        known = f" ({why})" * (why != "set")
        what = "is the target and" if role == "target" else "is known when the target is, and"
        yield f"`{name}` {what} held out{known}: it takes no part in the segments." + (
            f" To use it, say `roles = {{{json.dumps(name, ensure_ascii=False)} = "
            f'"{role_by_values(name, customers.raw)}"}}` in customers.toml.' * (why != "set")
        )
    elif role == "identifier":
        again = int(customers.raw[name].dropna().duplicated().sum())
        twice = f" {again:,} rows have one that was there before." if again else ""
        yield f"`{name}` tells customers apart ({why}): not used, first in every output.{twice}"
    elif role == "special category":
        yield (
            f"`{name}` is left out, as a special category of personal data ({why}). To use it, "
            "name it in `columns` of customers.toml."
        )
    elif why != "not among the columns to use" and not treatment.startswith("used"):
        yield f"`{name}` is left out: {role} ({why})."
    elif "; " in treatment:
        yield f"`{name}`: {treatment.partition('; ')[2]}."
    if is_used(customers.roles, name) and is_flagged(name):
        yield f"`{name}` is used; the law protects it in many places, so its shares are shown."
