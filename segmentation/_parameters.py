"""Parameters of estimators, checked all at once when an estimator is fitted."""


def find_faults(estimator, rules):
    """Say what is wrong with the parameters of an estimator.

    Parameters
    ----------
    estimator : object
    rules : dict of str to tuple
        Of each parameter the types that it may have, a function that says whether a value is
        allowed, and in words what to give.

    Returns
    -------
    list of str
        A sentence for each parameter that breaks its rule.
    """
    return [
        f"{name} is {getattr(estimator, name)!r}: give {wanted}."
        for name, (kind, allows, wanted) in rules.items()
        # Python takes True for a number.
        if isinstance(getattr(estimator, name), bool)
        or not isinstance(getattr(estimator, name), kind)
        or not allows(getattr(estimator, name))
    ]
