"""Tables of numbers from 0 to 1 as pictures: shares, agreements, information."""

import numpy as np

#: Above, white numbers have more contrast to the blue than black ones.
DARK = 0.71


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
        axis.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    axis.set_xticks(range(table.shape[1]), table.columns)
    axis.set_yticks(range(table.shape[0]), table.index)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    return image
