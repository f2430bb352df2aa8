"""The approaches that are declared in data/claims, as what the contract drives."""

import importlib
from typing import NamedTuple


class Approach(NamedTuple):
    """``db``, and a function that adds views to an ``Admin``."""

    db: object
    add_views: object


def load(wiring):
    """The approach that ``module:function`` names."""
    module, function = wiring.split(":")
    found = importlib.import_module(module)
    return Approach(found.db, getattr(found, function))
