"""Tables as pictures: shares, agreements, information, and what sets segments apart."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from segmentation.figures import BELOW_ABOVE, PER_INCH, SMALL, WIDTH, in_lines, numbered
from segmentation.outcomes import rate_of
from segmentation.profiles import in_short

#: Above, white numbers have more contrast to the blue than black ones.
DARK = 0.71
#: The same for standardised differences.
WHITE_FROM = 0.9


def draw_shares(axis, table, form="{:.2f}"):
    """Draw a table of numbers from 0 to 1, the higher the darker, each with its number.

    Parameters
    ----------
    axis : matplotlib Axes
    table : DataFrame of shape (n_rows, n_columns)
        Its index and its columns name the rows and columns of the picture.
    form : str, optional
        How a number is written.

    Returns
    -------
    matplotlib AxesImage
        For a colour bar, where one is wanted.
    """
    image = axis.imshow(table, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(table.to_numpy()):
        colour = "white" if value > DARK else "black"
        text = form.format(value)
        axis.text(column, row, text, ha="center", va="center", fontsize=SMALL, color=colour)
    axis.set_xticks(range(table.shape[1]), table.columns)
    axis.set_yticks(range(table.shape[0]), table.index)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    return image


def draw_traits(traits, names, segments, outcome=None, n_traits=12):
    """Draw how far each segment is from all customers, trait by trait.

    Parameters
    ----------
    traits : DataFrame
        As `segmentation.profiles.traits` gives it.
    names : Series of str, indexed by segment
    segments : array of int, shape (n_customers,)
    outcome : Series of shape (n_customers,), optional
        As `segmentation.outcomes.find_outcome` gives it, its name in words: the first row is its
        rate, plus or minus half of its interval of 95 %.
    n_traits : int, optional
        Rows: all numbers, then the categories that differ most in any segment; if there are more
        numbers, whatever differs most. Of two categories the second stands for both, such as yes
        for no, and of traits that differ by as much in every segment the first for all. The rows
        of a column stay together.

    Returns
    -------
    matplotlib Figure
        Colour is the standardised difference, text the mean of a number or the share of a
        category; the last column, without colour, is all customers.
    """
    effects, texts = _strongest(traits, n_traits)
    if outcome is not None:
        first = _rates(outcome, segments, names.index)
        effects, texts = (pd.concat(parts) for parts in zip(first, (effects, texts), strict=True))
    n_rows, n_columns = effects.shape
    wide = max(0.72, (WIDTH - 1.5) / n_columns)
    size = wide * n_columns + 1.5, 0.31 * n_rows + 1.8
    figure, axis = plt.subplots(figsize=size, layout="constrained")
    image = axis.imshow(effects, cmap=BELOW_ABOVE, vmin=-1.5, vmax=1.5, aspect="auto")
    for (row, column), distance in np.ndenumerate(effects.to_numpy()):
        colour = "white" if abs(distance) > WHITE_FROM else "black"
        text = texts.iat[row, column]
        axis.text(column, row, text, ha="center", va="center", fontsize=SMALL, color=colour)
    axis.set_yticks(range(n_rows), [in_lines(label, 26) for label in effects.index])
    heads = [*numbered(names, int(wide * PER_INCH) - 1, 6), "all\ncustomers"]
    sizes = [*(np.sum(segments == segment) for segment in names.index), len(segments)]
    axis.set_xticks(
        range(n_columns), [f"{head}\n{n:,}" for head, n in zip(heads, sizes, strict=True)]
    )
    axis.axvline(n_columns - 1.5, color="black", linewidth=1.2)
    groups = effects.index.str.split(": ").str[0]
    for row in np.flatnonzero(groups[1:] != groups[:-1]):
        axis.axhline(row + 0.5, color="white", linewidth=2.5)
    axis.xaxis.tick_top()
    axis.tick_params(length=0, labelsize=SMALL)
    axis.spines[:].set_visible(False)
    bar = figure.colorbar(image, location="bottom", shrink=0.5, aspect=30, extend="both")
    bar.set_label("standardised difference from all customers", fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)
    return figure


def _strongest(traits, n_traits):
    """Return the effects and the texts of what differs most: segments, then all customers."""
    effect, value = (traits[part].unstack("segment") for part in ("effect", "value"))
    strength = effect.abs().max(axis=1)
    number = effect.index.get_level_values("category") == ""
    columns = effect.index.get_level_values("column")
    mirrored = (columns.value_counts()[columns] == 2).to_numpy() & ~columns.duplicated()
    ranked = strength[~mirrored].sort_values(ascending=False, kind="stable")
    ranked = ranked[~effect.loc[ranked.index].round(1).duplicated().to_numpy()]
    numbers = effect.index[number] if number.sum() <= n_traits else ranked.index
    keep = [*numbers, *(trait for trait in ranked.index if trait[1] != "")][:n_traits]
    places = list(dict.fromkeys(column for column, _ in keep))
    keep.sort(key=lambda trait: places.index(trait[0]))
    overall = traits["overall"].groupby(["column", "category"], sort=False).first()
    effect, value = effect.assign(all=0.0).loc[keep], value.assign(all=overall).loc[keep]
    forms = ["{:.0%}".format if category else in_short for _, category in keep]
    texts = [
        [form(number) for number in row] for form, row in zip(forms, value.to_numpy(), strict=True)
    ]
    labels = [f"{name}: {category}" if category else f"mean {name}" for name, category in keep]
    return effect.set_axis(labels), pd.DataFrame(texts, labels, effect.columns)


def _rates(outcome, segments, order):
    """Return the rates of an outcome, in segments and of all, as one row of each table."""
    found = {segment: rate_of(outcome[segments == segment]) for segment in order}
    found["all"] = overall = rate_of(outcome)
    label, deviation = f"rate of {outcome.name}", np.sqrt(overall["share"] * (1 - overall["share"]))
    effects, texts = {}, {}
    for segment, part in found.items():
        part = part or overall
        effects[segment] = (part["share"] - overall["share"]) / max(deviation, 1e-9)
        half = (part["high"] - part["low"]) / 2
        texts[segment] = f"{part['share']:.1%}\n±{half * 100:.1f}"
    return pd.DataFrame(effects, [label]), pd.DataFrame(texts, [label])
