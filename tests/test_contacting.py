"""What segments are worth for contacting, and the curves that tell it."""

import numpy as np
import pandas as pd
import pytest
from left import MONEY

from segmentation.report import contacting, drawing, orders, page


def scored_by(segments):
    return pd.DataFrame({"segment": np.asarray(segments), "outlier": False})


def test_segments_that_are_the_target_reach_all_first(synthetic):
    yes = (synthetic.target == "yes").astype(int)
    noise = np.random.default_rng(0).integers(5, size=len(yes))
    found = contacting.compare(
        synthetic, {"knows": scored_by(yes), "noise": scored_by(noise)}, MONEY
    )
    assert found.curves["knows"].first["share"] == pytest.approx(1)
    assert found.curves["knows"].profit["mean"] == pytest.approx(55 * yes.mean())
    assert found.curves["knows"].contacted == pytest.approx(yes.mean())
    noise = found.curves["noise"].first
    assert noise["low"] < contacting.FIRST < noise["high"]
    assert found.everybody["mean"] == pytest.approx(60 * yes.mean() - 5)
    assert "knows" in orders.contact_order(found, {"label": "y", "positive": "yes"})
    assert "noise" not in found.as_good


def test_lists_are_made_of_the_earlier_and_judged_on_the_later(synthetic):
    yes = (synthetic.target == "yes").to_numpy()
    later = np.arange(len(yes)) >= len(yes) // 2
    # Who buys says it in both halves, but turned round: what held before is wrong afterwards.
    told = {"turned": scored_by(yes ^ later), "noise": scored_by(np.arange(len(yes)) % 4)}
    found = contacting.compare(synthetic, told, MONEY, later)
    assert found.in_time
    assert (found.customers, found.positives) == (later.sum(), yes[later].sum())
    assert found.everybody["mean"] == pytest.approx(60 * yes[later].mean() - 5)
    turned = found.curves["turned"]
    assert turned.first["share"] == 0
    assert turned.contacted == pytest.approx(1 - yes[later].mean())
    assert turned.profit["mean"] == pytest.approx(-5 * turned.contacted)


def test_those_set_aside_are_a_group_of_their_own(synthetic):
    yes = (synthetic.target == "yes").to_numpy()
    scored = scored_by(np.ones(len(yes), dtype=int)).assign(outlier=yes)
    found = contacting.compare(synthetic, {"one": scored}, MONEY)
    assert found.curves["one"].first["share"] == pytest.approx(1)
    assert found.curves["one"].contacted == pytest.approx(yes.mean())


def test_an_order_of_time_with_too_few_successes_is_none(synthetic):
    yes = (synthetic.target == "yes").to_numpy()
    later = yes.cumsum() > yes.sum() - contacting.N_FOLDS + 1
    assert 0 < yes[later].sum() < contacting.N_FOLDS
    found = contacting.compare(synthetic, {"one": scored_by(yes)}, MONEY, later)
    assert not found.in_time
    assert found.customers == len(yes)


def test_no_method_is_preferred_for_a_difference_by_chance(synthetic):
    target = (synthetic.target == "yes").to_numpy()
    rng = np.random.default_rng(0)
    told = {name: scored_by(target ^ (rng.random(len(target)) < 0.2)) for name in ("one", "other")}
    found = contacting.compare(
        synthetic, told | {"noise": scored_by(rng.integers(5, size=len(target)))}, MONEY
    )
    assert len(found.as_good) == 1
    assert found.as_good[0] in told


def test_an_order_is_judged_on_customers_it_was_not_chosen_on(synthetic):
    # Each customer alone: what is known of the others says nothing.
    alone = contacting.compare(synthetic, {"alone": scored_by(range(len(synthetic.table)))})
    assert alone.curves["alone"].first["share"] == pytest.approx(contacting.FIRST, abs=0.03)


def test_who_did_not_answer_is_left_out(synthetic):
    target = synthetic.target.where(np.arange(len(synthetic.target)) % 3 > 0)
    found = contacting.compare(
        synthetic._replace(target=target), {"one": scored_by(np.arange(len(target)) % 4)}
    )
    assert found.customers == target.notna().sum()
    assert found.positives == (target == "yes").sum()


def test_of_a_large_table_a_part_is_drawn(synthetic, monkeypatch):
    monkeypatch.setattr(contacting, "MAX_CUSTOMERS", 500)
    one = {"one": scored_by(np.arange(len(synthetic.table)) % 4)}
    first, again = (contacting.compare(synthetic, one) for _ in range(2))
    assert first.customers == 500
    np.testing.assert_array_equal(
        first.curves[contacting.MODEL].reached, again.curves[contacting.MODEL].reached
    )


def test_too_few_successes_are_not_compared(synthetic):
    target = pd.Series(np.where(np.arange(len(synthetic.table)) < 4, "yes", "no"))
    one = {"one": scored_by(np.arange(len(target)) % 4)}
    assert contacting.compare(synthetic._replace(target=target), one) is None


@pytest.mark.parametrize("size", page.SIZES.values())
def test_labels_lie_apart_and_inside(size):
    x = np.linspace(0, 1, 101)
    powers = {"text embedding": 0.6, "k-means": 0.62, "K-Prototypes": 0.61, "at random": 1}
    lines = [drawing.Line(name, "line", x**power) for name, power in powers.items()]
    drawn = drawing.chart(lines, size)
    left, top, right, bottom = drawn["frame"]
    boxes = [
        (line["at"].x, line["at"].y, len(line["label"]) * drawing.LETTER) for line in drawn["lines"]
    ]
    for i, (x, y, width) in enumerate(boxes):
        assert left <= x < x + width <= right
        assert top <= y < y + drawing.LINE <= bottom
        for other, over, wide in boxes[:i]:
            apart = x >= other + wide or other >= x + width
            assert apart or abs(y - over) >= drawing.LINE


def test_a_dot_lies_on_its_line():
    lines = [
        drawing.Line("up", "line", np.linspace(0, 1, 101), 0.25),
        drawing.Line("down", "line", np.linspace(1, 0, 101)),
    ]
    drawn = drawing.chart(lines, (760, 430))
    left, _, right, bottom = drawn["frame"]
    (x, y), none = (line["dot"] for line in drawn["lines"])
    (_, zero), *_, (_, one) = (tick for tick in drawn["ticks"] if tick[0] in (0, 1))
    assert zero == pytest.approx(bottom)
    assert x == pytest.approx(left + 0.25 * (right - left))
    assert y == pytest.approx(zero + 0.25 * (one - zero))
    assert none is None


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3.2, 0.4), (0, 2.7), (0, 1234), (-1e-4, 2e-4)])
def test_ticks_are_few_and_round(low, high):
    found = drawing.ticks(low, high)
    assert 3 <= len(found) <= 8
    assert low <= found[0] < found[-1] <= high
