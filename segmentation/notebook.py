"""What a notebook needs to show its figures, and to end where its method makes no sense."""

import json
import platform
from importlib.metadata import version
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import plotly.graph_objects as go
from IPython.display import Markdown, display

from segmentation import profiles
from segmentation.customers import describe_roles, describe_source
from segmentation.heat_maps import draw_traits
from segmentation.outcomes import find_outcome
from segmentation.wording import label_of

# Whether to try for PNGs of plotly figures: a start of Chrome that fails takes seconds.
chrome_works = True


class NotApplicable(Exception):  # noqa: N818, it is no error
    """A notebook's method makes no sense for a table; it says so, and ends there."""

    def _render_traceback_(self):
        """Tell IPython what to show of it: nothing."""
        return []


def print_versions(*packages):
    """Print the versions of Python and of some packages."""
    print("Python", platform.python_version(), *(f"| {name} {version(name)}" for name in packages))


def show_customers(path, loaded):
    """Show which table this is, what its columns are, and what was done with them.

    Parameters
    ----------
    path : Path
        The table, as `segmentation.customers.find_table` returned it.
    loaded : Customers
        As `segmentation.customers.load_customers` read it.
    """
    print(f"{len(loaded.table):,} customers, {loaded.table.shape[1]} columns")
    display(Markdown(describe_source(path)))
    with pd.option_context("display.max_colwidth", None):
        display(loaded.roles)
    display(Markdown(describe_roles(loaded)))


def show_segments(loaded, kept, segments, names, path):
    """Show a table of the segments, the shares of protected columns in them, and a heat map.

    Parameters
    ----------
    loaded : Customers
    kept : DataFrame of shape (n_kept, n_columns)
        The customers that have segments, some rows of ``loaded.table``.
    segments : array of int, shape (n_kept,)
    names : DataFrame
        As `segmentation.profiles.name_segments` gives it.
    path : Path
        The PNG of the heat map.
    """
    outcome = _outcome_of(loaded, kept)
    table = profiles.segment_table(kept, segments, names, outcome)
    in_percent = [name for name in table if name.endswith(", share of all")]
    parts = table[in_percent].map("{:.0%}".format, na_action="ignore").fillna("")
    table = table.round(1).assign(**parts)
    with pd.option_context("display.max_colwidth", None):
        display(table.assign(share=table["customers"].div(len(kept)).map("{:.1%}".format)))
    if loaded.watched:
        watched = loaded.raw.loc[kept.index, loaded.watched]
        display(profiles.shares(watched, segments).map("{:.0%}".format))
    traits = profiles.traits(kept, segments)
    heat_map = draw_traits(traits, names["name"], segments, outcome)
    show(heat_map, path)


def _outcome_of(loaded, kept):
    """Return what is told of the target of some customers, under words for it, or None.

    Parameters
    ----------
    loaded : Customers
    kept : DataFrame of shape (n_kept, n_columns)
        Some rows of ``loaded.table``.

    Returns
    -------
    Series of float, shape (n_kept,), or None
        As `segmentation.outcomes.find_outcome`; called, for example, "y = yes".
    """
    outcome = find_outcome(loaded.target)
    if outcome is None:
        return None
    label = label_of(loaded.target.name, loaded.labels)
    return outcome.loc[kept.index].rename(f"{label} = {outcome.name}")


def end_notebook(reason):
    """End a notebook with a sentence that says why, and no traceback.

    Parameters
    ----------
    reason : str
        Why the method is not for this table, and what is, in Markdown.

    Raises
    ------
    NotApplicable
        Always; `segmentation.build` takes it for an end like any other.
    """
    display(Markdown(reason))
    raise NotApplicable(reason)


def show(figure, path):
    """Save a figure as PNG and show it.

    Parameters
    ----------
    figure : matplotlib Figure or plotly Figure
        A plotly figure is shown as one that can be turned, with its PNG beside it for pages that
        cannot. The PNG needs a Chrome; without one the figure is shown all the same.
    path : Path
        The PNG to write; its folder is made.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(figure, go.Figure):
        bundle = {"application/vnd.plotly.v1+json": json.loads(figure.to_json())}
        if png := _plotly_png(figure, path):
            bundle["image/png"] = png
        display(bundle, raw=True)
    else:
        figure.savefig(path, bbox_inches="tight", metadata={"Software": None})
        display(figure)
        plt.close(figure)


def _plotly_png(figure, path):
    """Write a plotly figure as PNG and return its bytes, or None where no Chrome works."""
    global chrome_works
    if not chrome_works:
        return None
    try:
        png = figure.to_image(format="png", scale=1)
    except RuntimeError:
        chrome_works = False
        print("No Chrome found: 3-D figures come without a PNG. `plotly_get_chrome` installs one.")
        return None
    path.write_bytes(png)
    return png
