"""Tables as pictures: every cell says its number, in the place of its row and column."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from segmentation.heat_maps import draw_shares


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
