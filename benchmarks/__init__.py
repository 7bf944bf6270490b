"""Ours beside the libraries as the source articles use them, side by side in one run.

Every module ``benchmarks/bench_*.py`` has a function ``comparisons()`` that yields `Comparison`;
``python -m benchmarks`` runs them all and prints one table. Peers that the project does not need,
``pip install FasterKModes openTSNE scikit-learn-intelex`` (and a C compiler for the first), take
part where they are installed.
"""

import importlib
import time
from dataclasses import dataclass

from pyod.models.ecod import ECOD
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, PowerTransformer

from segmentation.customers import find_table, load_customers


@dataclass(frozen=True)
class Comparison:
    """One task, done by a library and by us, with what the two results differ by."""

    task: str
    library: str
    library_seconds: float
    our_seconds: float
    agreement: str

    @property
    def ratio(self):
        """How many times faster ours is."""
        return self.library_seconds / self.our_seconds


def timed(function, *args, **kwargs):
    """Return the result of one call and the seconds it took."""
    start = time.perf_counter()
    result = function(*args, **kwargs)
    return result, time.perf_counter() - start


def find_peer(module):
    """Return a module that may not be installed, or None, which is said."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        print(f"{module} takes no part: {error}")
        return None


def study_rows():
    """Return the customers without the articles' outliers, as they are and encoded.

    Returns
    -------
    DataFrame of shape (n_customers, 8), ndarray of shape (n_customers, 8)
    """
    customers = load_customers(find_table()).table
    encoded = make_pipeline(OrdinalEncoder(), PowerTransformer()).fit_transform(customers)
    kept = ECOD().fit(encoded).labels_ == 0
    return customers[kept].reset_index(drop=True), encoded[kept]
