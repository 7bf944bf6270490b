"""What notebooks show: figures saved and explained, with a Chrome or without; an early end."""

import matplotlib
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from kaleido.errors import BrowserFailedError

from segmentation import notebook, profiles
from segmentation.heat_maps import draw_traits

matplotlib.use("agg")

PNG = b"\x89PNG"
RNG = np.random.default_rng(0)
SEGMENTS = RNG.integers(1, 4, 60)
CUSTOMERS = pd.DataFrame({"age": RNG.integers(18, 90, 60), "loan": RNG.choice(["no", "yes"], 60)})


@pytest.fixture
def shown(monkeypatch):
    """Collect what is displayed."""
    bundles = []
    monkeypatch.setattr(notebook, "display", lambda what, **_: bundles.append(what))
    monkeypatch.setattr(notebook, "chrome_works", True)
    return bundles


def test_matplotlib_figure_is_saved_and_shown(tmp_path, shown):
    traits = profiles.traits(CUSTOMERS, SEGMENTS)
    names = profiles.name_segments(CUSTOMERS, SEGMENTS)["name"]
    path = tmp_path / "img" / "heat_map.png"
    notebook.show(draw_traits(traits, names, SEGMENTS), path)
    assert path.read_bytes().startswith(PNG)
    assert len(shown) == 1
    again = tmp_path / "again.png"
    notebook.show(draw_traits(traits, names, SEGMENTS), again)
    assert again.read_bytes() == path.read_bytes()


def test_plotly_figure_turns_and_has_a_png_beside_it(tmp_path, shown, monkeypatch):
    monkeypatch.setattr(go.Figure, "to_image", lambda *_, **__: PNG)
    notebook.show(go.Figure(), tmp_path / "turn.png")
    assert set(shown[0]) == {"application/vnd.plotly.v1+json", "image/png"}
    assert (tmp_path / "turn.png").read_bytes() == PNG


def test_without_a_chrome_plotly_figures_are_shown_and_it_is_said_once(
    tmp_path, shown, monkeypatch, capsys
):
    def no_chrome(*_, **__):
        raise BrowserFailedError("none")

    monkeypatch.setattr(go.Figure, "to_image", no_chrome)
    for name in ("one.png", "two.png"):
        notebook.show(go.Figure(), tmp_path / name)
    assert [set(some) for some in shown] == [{"application/vnd.plotly.v1+json"}] * 2
    assert capsys.readouterr().out.count("plotly_get_chrome") == 1
    assert not list(tmp_path.iterdir())


def test_an_early_end_gives_its_reason(shown):
    with pytest.raises(notebook.NotApplicable, match="no numbers"):
        notebook.end_notebook("no numbers")
    assert shown[-1].data == "no numbers"
