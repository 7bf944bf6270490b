"""Tables as pictures: every cell says its number, in the place of its row and column."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from segmentation import profiles
from segmentation.heat_maps import draw_shares, draw_traits


@pytest.fixture
def drawn():
    shares = pd.DataFrame([[0.0, 0.3, 0.75], [1.0, 0.62, 0.1]], ["age", "job"], ["x", "y", "z"])
    figure, axis = plt.subplots()
    yield axis, draw_shares(axis, shares, "{:.0%}"), shares
    plt.close(figure)


def test_every_cell_says_its_number_under_its_names(drawn):
    axis, _, shares = drawn
    columns = [tick.get_text() for tick in axis.get_xticklabels()]
    rows = [tick.get_text() for tick in axis.get_yticklabels()]
    assert len(axis.texts) == shares.size
    for text in axis.texts:
        column, row = (round(place) for place in text.get_position())
        assert text.get_text() == f"{shares.loc[rows[row], columns[column]]:.0%}"


def test_more_is_darker_on_one_scale_and_every_number_can_be_read(drawn):
    axis, image, shares = drawn
    assert image.get_clim() == (0, 1)
    for text in axis.texts:
        column, row = (round(place) for place in text.get_position())
        behind = image.to_rgba(np.array([[shares.iat[row, column]]]))[0, 0, :3]
        # WCAG 2.1: 3 is the least contrast for large text, 4.5 for small.
        assert contrast(behind, to_rgb(text.get_color())) >= 4.5


def contrast(one, other):
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour):
    colour = np.asarray(colour)
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return linear @ [0.2126, 0.7152, 0.0722]


def test_traits_show_means_shares_sizes_and_rates_of_segments_and_of_all():
    rng = np.random.default_rng(0)
    segments = rng.integers(1, 4, 60)
    customers = pd.DataFrame(
        {"age": rng.integers(18, 90, 60), "loan": rng.choice(["no", "yes"], 60)}
    )
    outcome = pd.Series(rng.integers(0, 2, 60), dtype=float, name="churn = yes")
    names = pd.Series({1: "One", 2: "Two", 3: "Three"})
    traits = profiles.traits(customers, segments)
    axis = draw_traits(traits, names, segments, outcome).axes[0]
    rows = [label.get_text() for label in axis.get_yticklabels()]
    assert rows == ["rate of churn = yes", "mean age", "loan: yes"]
    groups = [*(segments == i for i in names.index), np.ones(60, dtype=bool)]
    heads = [label.get_text() for label in axis.get_xticklabels()]
    for group, head in zip(groups, heads, strict=True):
        assert head.endswith(f"\n{group.sum()}")
    texts = np.array([text.get_text() for text in axis.texts]).reshape(3, 4)
    rates = [f"{outcome[group].mean():.1%}" for group in groups]
    assert [text.split()[0] for text in texts[0]] == rates
    assert texts[1].tolist() == [f"{customers['age'][group].mean():.0f}" for group in groups]
    shares = [f"{(customers['loan'][group] == 'yes').mean():.0%}" for group in groups]
    assert texts[2].tolist() == shares
    assert len(draw_traits(traits, names, segments, n_traits=1).axes[0].texts) == 4
