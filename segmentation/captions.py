"""Sentences below figures that several notebooks draw, with the numbers of the run."""

import numpy as np

from segmentation.evaluation import test_of


def removed(shares, quota):
    """Say on whom an outlier detector's quota falls; `shares` as `profiles.removed_shares`."""
    (column, category), worst = shares.index[0], shares.iloc[0]
    least = shares.iloc[-1]
    quarters = shares.index.get_level_values("category").str.fullmatch("quarter [1-4]").all()
    return (
        f"The quota does not fall evenly: it removes {worst.removed:.0%} of the "
        f"{worst.customers:,.0f} customers with {column} = {category}, and {least.removed:.0%} of "
        f"those with {shares.index[-1][0]} = {shares.index[-1][1]}, against {quota:.0%} of all "
        "(dashed line). Orange: more than that."
        + (" Quarter 1 holds the lowest values, quarter 4 the highest." if quarters else "")
    )


def most_removed(shares):
    """Say of whom an outlier detector removed most; `shares` as `profiles.removed_shares`."""
    return f"{shares['removed'].iloc[0]:.0%} of the customers with {' = '.join(shares.index[0])}"


def elbow(found):
    """Say where the elbow lies, and how much the first and the last step bring."""
    ks, distortions, k = found
    steps = -np.diff(distortions) / distortions[:-1]
    where = f"lies at k = {k}" if k else "is not to be found"
    if k in ks[1:-1]:
        at = ks.index(k)
        around = f"{steps[at - 1]:.1%} before it and {steps[at]:.1%} after it"
        where = f"lies at k = {k}, by the distance from a straight line: steps of {around}"
    return (
        f"The elbow {where}. The step to k = {ks[1]} lowers the distortion by {steps[0]:.0%}, the "
        f"one to k = {ks[-1]} by {steps[-1]:.0%}; in between, the step shrinks by at most "
        f"{-np.diff(steps).min():.0%} at once."
    )


def best_k(best):
    """List the k that each measure prefers; `best` as `selection.best_k` gives it."""
    return "Best k: " + ", ".join(f"**{k}** by {measure}" for measure, k in best.items()) + ". "


def silhouettes(samples, measures, errors):
    """Say between what the mean silhouettes lie; `measures` as `selection.measure`.

    `errors` are the standard errors of the means, 0 where all customers were measured.
    """
    means = measures["silhouette"]
    negative = (samples < 0).mean(axis=1)
    return (
        f"A blade per segment, the mean dashed. The means lie between {means.min():.3f} (k = "
        f"{means.idxmin()}) and {means.max():.3f} (k = {means.idxmax()}); {negative.min():.0%} "
        f"to {negative.max():.0%} of the customers lie nearer to another segment than to their own "
        "(left of 0)."
        + f" Standard errors: {errors.round(4)}, of {samples.shape[1]:,} customers."
        * bool(errors.any())
    )


def neighbours(drawn_map):
    """Say what a map keeps together; `drawn_map` as `maps.draw_map` gives it."""
    return (
        f"On the map, the nearest neighbour has the same {drawn_map.kind} in "
        f"{drawn_map.same_profile:.0%} of cases and the same segment in "
        f"{drawn_map.same_segment:.0%}; two customers at random share a segment in "
        f"{drawn_map.at_random:.0%}."
    )


def accuracy(held_out, segments):
    """Say how often a classifier finds the segment of a held-out customer."""
    largest = np.bincount(segments).max() / len(segments)
    return (
        f"Held-out accuracy **{held_out.mean():.1%}** (five folds, {held_out.min():.1%} to "
        f"{held_out.max():.1%}); naming the largest segment every time would give {largest:.1%}."
    )


def beeswarms(importance):
    """Say how to read SHAP beeswarms; `importance` as `surrogates.explain` gives it."""
    pulls = ", ".join(f"{column} in segment {i}" for i, column in importance.idxmax().items())
    return (
        "Right of the line, a column pulls the customer (a dot) into the segment. The column that "
        f"pulls hardest is {pulls}. Blue is a low number or the first of two categories by "
        "alphabet, red a high number or the second; grey columns have more than two categories, "
        "whose order means nothing."
    )


def heat_map(traits):
    """Say which trait is furthest from all customers; `traits` as `profiles.traits`."""
    segment, column, category = traits["effect"].abs().idxmax()
    distance = traits["effect"][segment, column, category]
    return (
        "Means and shares per segment, coloured by their distance from all customers. The furthest "
        f"is {f'{column} {category}'.strip()} in segment {segment}, {abs(distance):.1f} standard "
        f"deviations {'above' if distance > 0 else 'below'} all. Shown are the traits that differ "
        "most; of two categories, one stands for both."
    )


def sizes(names, segments):
    """List segments with their shares of the customers; `names` as `profiles.name_segments`."""
    shares = np.bincount(segments)[1:] / len(segments)
    pairs = zip(names["name"], shares, strict=True)
    return "; ".join(f"{name} ({share:.0%})" for name, share in pairs)


def groups(suggestion, n_segments):
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


def against_twins(suggestion, k):
    """Say what `selection_figures.against_twins` shows; `k` is the number of which to tell more."""
    test = test_of(suggestion.silhouettes[k])
    said = groups(suggestion, k)
    return (
        f"{said[0].upper()}{said[1:]}. At k = {k} the silhouette of these customers is "
        f"{test.score:.3f}; {len(test.twins)} tables of the same columns, as much linked but "
        f"without groups, have {test.twins.min():.3f} to {test.twins.max():.3f} (grey)."
    )
