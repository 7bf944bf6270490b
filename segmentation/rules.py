"""Rules that find a segment: at most three conditions, chosen for the best F1 over all customers.

Subgroup discovery by beam search (Lavrač and others 2004, J. Mach. Learn. Res. 5, 153-188), with
F1 as the quality measure. Whom a condition describes is a row of bits, so that a rule with one more
condition is counted at 64 customers a step.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.model_selection import KFold

MAX_CONDITIONS = 3
#: Rules per segment that the search goes on with.
BEAM = 12
#: A further condition has to bring this much F1: a shorter name is worth it.
MIN_GAIN = 0.01
#: What is not so says less than what is so.
NEGATION = 0.005
#: Below this share of the customers, or above the rest, a condition selects nobody or everybody.
MIN_SHARE = 0.005
#: Thresholds lie at these quantiles, moved to the roundest number up to half a step off.
STEP = 0.025
#: A number of fewer values has each of them as a threshold.
FEW_VALUES = 40
#: Whole numbers below this count something: 12 or more; others are amounts: over 2,000.
MAX_COUNT = 1_000
N_FOLDS = 5

IS, IS_NOT, AT_LEAST, BELOW, OVER, UP_TO = "=", "<>", ">=", "<", ">", "<="


class Condition(NamedTuple):
    """A column, how it is compared (an operator of SQL), and with what."""

    column: str
    operator: str
    value: str | float

    def holds(self, customers):
        """Return whether it holds, as an array of bool of shape (n_customers,)."""
        column = customers[self.column]
        compare = {
            IS: column.eq,
            IS_NOT: column.ne,
            AT_LEAST: column.ge,
            BELOW: column.lt,
            OVER: column.gt,
            UP_TO: column.le,
        }
        return compare[self.operator](self.value).to_numpy(dtype=bool)

    def to_sql(self):
        """Return it as standard SQL."""
        name = self.column.replace('"', '""')
        quoted = isinstance(self.value, str)
        value = "'" + self.value.replace("'", "''") + "'" if quoted else f"{self.value:.15g}"
        return f'"{name}" {self.operator} {value}'


class Found(NamedTuple):
    """A rule for a segment: its `conditions`, its `name`, and how well it finds the segment.

    `precision` is the share of the segment among the customers whom the rule describes, `recall`
    the share of the segment that it describes, both of rules found without the customers that they
    are counted on.
    """

    conditions: tuple
    name: str
    precision: float
    recall: float

    @property
    def f1(self):
        """The harmonic mean of precision and recall."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def find_rules(customers, segments, words, max_length=50, seed=0):
    """Find for each segment the rule of at most three conditions that tells it best.

    Parameters
    ----------
    customers : DataFrame of shape (n_customers, n_columns)
        Numbers, and categories as text, none missing.
    segments : array-like of shape (n_customers,)
    words : callable
        ``words(conditions) -> str``: the name that conditions make.
    max_length : int, optional
        Of names, where a rule of one or two conditions allows it: 50 fit into a table.
    seed : int, optional
        For the folds.

    Returns
    -------
    dict of Found, by segment
        Rules by F1, less 0.01 for each condition after the first; no two have the same name. A
        segment that no condition tells from others has none, and an empty name.
    """
    segments = np.asarray(segments)
    present = np.unique(segments)
    conditions = list_conditions(customers)
    masks = np.array([condition.holds(customers) for condition in conditions], dtype=bool)
    masks = masks.reshape(len(conditions), len(customers))
    own = segments == present[:, None]
    chosen = _choose(conditions, masks, own, words, max_length)
    counts = np.zeros((3, len(present)))
    if len(customers) >= N_FOLDS:
        for train, test in KFold(N_FOLDS, shuffle=True, random_state=seed).split(segments):
            parts = _choose(conditions, masks[:, train], own[:, train], words, max_length)
            counts += _count_held_out(parts, masks[:, test], own[:, test])
    hits, described, members = counts
    precision = np.divide(hits, described, out=np.zeros(len(present)), where=described > 0)
    recall = np.divide(hits, members, out=np.zeros(len(present)), where=members > 0)
    return {
        segment: Found(*rule_and_name, float(precision[i]), float(recall[i]))
        for i, (segment, (_, *rule_and_name)) in enumerate(zip(present, chosen, strict=True))
    }


def _count_held_out(chosen, masks, own):
    selects = np.array([_select(masks, parts) for parts, *_ in chosen])
    return np.array([(selects & own).sum(axis=1), selects.sum(axis=1), own.sum(axis=1)])


def _select(masks, parts):
    """Return whom a rule describes; without conditions, nobody."""
    return masks[list(parts)].all(axis=0) if parts else np.zeros(masks.shape[1], dtype=bool)


def list_conditions(customers):
    """List the conditions that rules are made of; of those that select the same, the first.

    Parameters
    ----------
    customers : DataFrame of shape (n_customers, n_columns)

    Returns
    -------
    list of Condition
        Every category, or that it is another one; every number against round thresholds.
    """
    numbers = customers.select_dtypes("number")
    listed = []
    for name in customers.columns.difference(numbers.columns, sort=False):
        listed += [Condition(name, IS, category) for category in sorted(customers[name].unique())]
    for name in numbers:
        listed += _thresholds(numbers[name])
    # What is so comes first, so that yes and no need no "not".
    listed += [Condition(c.column, IS_NOT, c.value) for c in listed if c.operator == IS]
    kept = {}
    for condition in listed:
        mask = condition.holds(customers)
        if MIN_SHARE <= mask.mean() <= 1 - MIN_SHARE:
            kept.setdefault(np.packbits(mask).tobytes(), condition)
    return list(kept.values())


def _thresholds(column):
    distinct = np.unique(column)
    counts = (distinct == np.round(distinct)).all() and np.abs(distinct).max() < MAX_COUNT
    if len(distinct) <= FEW_VALUES:
        values = distinct
    else:
        steps = np.arange(STEP, 1 - STEP / 2, STEP)
        low, at, high = (
            np.quantile(column, np.clip(steps + shift, 0, 1)) for shift in (-STEP / 2, 0, STEP / 2)
        )
        round_ones = {_roundest(*three, whole=counts) for three in zip(low, at, high, strict=True)}
        # Where many have one value, those above it are asked for too.
        above = distinct[np.searchsorted(distinct, low[low == high], side="right") % len(distinct)]
        values = sorted(round_ones | set(above.tolist() if counts else ()))
    operators = (AT_LEAST, BELOW) if counts else (OVER, UP_TO)
    return [Condition(column.name, o, float(value)) for value in values for o in operators]


def _roundest(low, at, high, whole):
    """Return the number from `low` to `high` that is shortest to write, the nearest to `at`."""
    if low == high:
        return float(low)
    exponent = int(np.ceil(np.log10(max(abs(low), abs(high), high - low)))) + 1
    while True:
        for part in (10, 5, 2.5, 2):
            step = part * 10.0 ** (exponent - 1)
            # A step of 2.5 has half numbers.
            if whole and step != round(step):
                continue
            nearest = np.round(at / step) * step
            if low <= nearest <= high:
                return float(f"{nearest:.12g}")
        exponent -= 1


def _choose(conditions, masks, own, words, max_length):
    """Return the conditions of the best rule of each segment: their places, they, the name."""
    candidates = _search(conditions, _pack(masks), _pack(own), own.sum(axis=1))
    chosen, taken = {}, set()
    # The segment that is told best has the first choice of a name.
    for i in sorted(range(len(own)), key=lambda i: -max(candidates[i], default=(0.0,))[0]):
        # Of equal ones, that of the first conditions.
        ranked = sorted(candidates[i], key=lambda some: (-round(some[0], 9), some[1]))
        rules = [(parts, tuple(conditions[j] for j in parts)) for _, parts in ranked]
        named = [(parts, rule, words(rule)) for parts, rule in rules]
        free = [some for some in named if some[2] not in taken]
        if any(len(name) < max_length and len(parts) < MAX_CONDITIONS for parts, _, name in free):
            free = [some for some in free if len(some[2]) < max_length]
        chosen[i] = free[0] if free else ((), (), "")
        taken.add(chosen[i][2])
    return [chosen[i] for i in range(len(own))]


def _search(conditions, masks, own, members):
    """Return for each segment rules as (score, places of conditions), of all lengths."""
    negated = np.array([condition.operator == IS_NOT for condition in conditions])
    allowed = _compatible(conditions)
    found = [[] for _ in own]
    if not conditions:
        return found
    beam = [[()] for _ in own]
    for length in range(1, MAX_CONDITIONS + 1):
        owners = np.repeat(np.arange(len(own)), [len(rules) for rules in beam])
        rules = [parts for some in beam for parts in some]
        if not rules:
            break
        hits, sizes = _count(masks, own, owners, rules)
        f1 = 2 * hits / np.maximum(members[owners][:, None] + sizes, 1)
        penalty = MIN_GAIN * (length - 1) + NEGATION * (
            negated + np.array([negated[list(parts)].sum() for parts in rules])[:, None]
        )
        scores = f1 - penalty
        for row, parts in enumerate(rules):
            scores[row, ~allowed[list(parts)].all(axis=0)] = -1
        beam = [
            _best(rules, scores, hits, sizes, np.flatnonzero(owners == i)) for i in range(len(own))
        ]
        for i, some in enumerate(beam):
            found[i] += some
        beam = [[parts for _, parts in some] for some in beam]
    return found


def _best(rules, scores, hits, sizes, rows):
    """Return the best rules of one segment with one more condition, no two alike."""
    order = np.argsort(-scores[rows], axis=None, kind="stable")
    best, seen = [], set()
    for place in order[: 40 * BEAM]:
        row, j = rows[place // scores.shape[1]], place % scores.shape[1]
        # As many customers, as many of the segment: the same ones, said in another way.
        alike = hits[row, j], sizes[row, j]
        if scores[row, j] <= 0 or len(best) == BEAM:
            break
        if alike not in seen:
            seen.add(alike)
            best.append((float(scores[row, j]), (*rules[row], int(j))))
    return best


def _compatible(conditions):
    """Say which two conditions may stand in one rule: of two columns, or both ends of a number."""
    columns = pd.factorize(np.array([c.column for c in conditions], dtype=object))[0]
    lower = np.array([c.operator in (AT_LEAST, OVER) for c in conditions], dtype=bool)
    upper = np.array([c.operator in (BELOW, UP_TO) for c in conditions], dtype=bool)
    ends = (lower[:, None] & upper) | (upper[:, None] & lower)
    return (columns[:, None] != columns) | ends


def _count(masks, own, owners, rules):
    """Count whom each rule with each further condition describes, and how many of its segment.

    `masks` and `own` are packed, as `_pack` does.

    Returns
    -------
    hits, sizes : ndarrays of int, shape (n_rules, n_conditions)
    """
    hits, sizes = np.empty((2, len(rules), len(masks)), dtype=int)
    for row, parts in enumerate(rules):
        both = masks & np.bitwise_and.reduce(masks[list(parts)])
        sizes[row] = np.bitwise_count(both).sum(axis=1)
        both &= own[owners[row]]
        hits[row] = np.bitwise_count(both).sum(axis=1)
    return hits, sizes


def _pack(masks):
    """Pack masks of shape (n, n_customers) into 64 customers a word, those past the end 0."""
    packed = np.packbits(masks, axis=1)
    packed = np.pad(packed, ((0, 0), (0, -packed.shape[1] % 8)))
    return np.ascontiguousarray(packed).view(np.uint64)
