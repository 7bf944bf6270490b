"""Columns, categories and conditions in words, as people write them."""

import re

from segmentation.customers import NOT_GIVEN, OTHER
from segmentation.customers.names import split_words
from segmentation.rules import AT_LEAST, BELOW, IS, IS_NOT, OVER, UP_TO

#: Categories of such columns say by themselves what they are of: married, student.
SELF_EVIDENT = frozenset(
    ("marital", "gender", "sex", "job", "occupation", "profession", "country", "city")
)
#: Answers that say nothing without the question.
UNCLEAR = frozenset(("unknown", "none", "yes", "no", OTHER, NOT_GIVEN))
AGES = frozenset(("age", "alter", "edad", "âge"))


def label_of(column, labels):
    """Return what to call a column in texts: its label, else its name as words.

    Parameters
    ----------
    column : str
    labels : dict of str to str
        As `Customers.labels`.

    Returns
    -------
    str
        ``InternetService`` and ``internet_service`` read internet service; one word, and what is
        more than letters, keeps its case.
    """
    if column in labels:
        return labels[column]
    if not re.fullmatch(r"[\w.-]+", column) or column.isdecimal():
        return column
    words = split_words(column)
    if len(words) < 2:
        return column
    return " ".join(word if word.isupper() and len(word) > 1 else word.lower() for word in words)


class Wording:
    """The words for the columns and categories of one table.

    Parameters
    ----------
    customers : DataFrame of shape (n_customers, n_columns)
    labels : dict of str to str
        What to call a column, where its own name is not clear.
    """

    def __init__(self, customers, labels):
        self.labels = labels
        self.categories = {
            name: set(customers[name].unique())
            for name in customers.columns
            if customers[name].dtype.kind not in "iufb"
        }
        listed = [category.lower() for some in self.categories.values() for category in some]
        self.shared = {category for category in listed if listed.count(category) > 1}

    def label(self, column):
        """Return what to call a column."""
        return label_of(column, self.labels)

    def name(self, conditions):
        """Return the name that conditions make, its first letter a capital."""
        phrases = self._phrases(conditions)
        text = " and ".join([", ".join(phrases[:-1]), phrases[-1]] if phrases[1:] else phrases)
        return text[:1].upper() + text[1:]

    def _phrases(self, conditions):
        ends = {}
        for condition in conditions:
            ends.setdefault(condition.column, []).append(condition)
        return [
            self._range(name, some) if len(some) > 1 else self._phrase(some[0])
            for name, some in ends.items()
        ]

    def _phrase(self, condition):
        if condition.operator in (IS, IS_NOT):
            return self.category(condition.column, condition.value, condition.operator == IS_NOT)
        value = f"{condition.value:,.10g}"
        amount = {
            AT_LEAST: f"{value} or more",
            BELOW: f"under {value}",
            OVER: f"over {value}",
            UP_TO: f"up to {value}",
        }
        return f"{self._of(condition.column)} {amount[condition.operator]}"

    def _range(self, column, ends):
        low, high = sorted(end.value for end in ends)
        # Whole numbers below 50 end at 49.
        last = high - 1 if any(end.operator == BELOW for end in ends) else high
        return f"{self._of(column)} {low:,.10g} to {last:,.10g}"

    def _of(self, column):
        label = self.label(column)
        return "aged" if label.lower() in AGES else label

    def category(self, column, category, negated=False):
        """Return in words that a column has a category, or that it has not."""
        label, answer = self.label(column), category.lower()
        if answer in ("yes", "no"):
            return self._answer(column, label, answer == "yes", negated)
        if category == NOT_GIVEN:
            return f"{label} given" if negated else f"{label} not given"
        words = self._category(column, label, category)
        return f"not {words}" if negated else words

    def _answer(self, column, label, yes, negated):
        first, *rest = label.split()
        is_property = re.search(r"(ed|ive|able)$", label) or (rest and first == "is")
        if rest and first in ("is", "has", "have"):
            label = " ".join(rest)
        if not negated:
            return label if yes else f"{'not' if is_property else 'no'} {label}"
        # Beside a yes and a no there are other answers, so that one is not the other's opposite.
        return f"without {label}" if yes else f"with {label}"

    def _category(self, column, label, category):
        if not re.search(r"[^\W\d_]", category):
            return f"{label} {category}"
        words = set(category.lower().split())
        says_it = (len(words) > 1 and category.lower().startswith("no ")) or words >= set(
            label.lower().split()
        )
        clear = category.lower() not in self.shared | UNCLEAR
        self_evident = clear and SELF_EVIDENT & set(label.lower().split())
        return category if says_it or self_evident else f"{category} {label}"


def groups_in_words(suggestion, n_segments):
    """Say whether there are groups; `suggestion` as `evaluation.suggest_k` gives it.

    `n_segments` is how many are kept, whatever is suggested.
    """
    lowest, n_twins = suggestion.p.min(), len(suggestion.silhouettes) - 1
    # The table itself counts among those that are as far up.
    n_alike = round(lowest * (n_twins + 1)) - 1
    reached = (
        f"{n_alike or 'none'} of {n_twins} tables without groups {'is' if n_alike == 1 else 'are'} "
        f"as well separated (p = {lowest:.2f}, for all k together)"
    )
    if suggestion.k == 1:
        return f"nothing shows more than one group: {reached}"
    fits = f"{suggestion.k} groups fit best"
    if suggestion.k != n_segments:
        fits += f" by the gap, and the {n_segments} segments kept are another cut"
    return f"there is more than one group: {reached}; {fits}"
