"""What one check says of one approach."""

from tools.measure import compatibility
from tools.measure.contract import CHECKS
from tools.measure.surface import Failure, Surface, describe


def outcome(approach, check, url):
    """Return ``ok``, ``not reached`` or what went wrong."""
    try:
        surface = Surface(compatibility.factory(approach), url)
    except Exception as error:
        return describe(error) if check == "construct" else compatibility.NOT_REACHED
    try:
        CHECKS[check](surface)
    except Failure as failure:
        return str(failure)
    finally:
        surface.close()
    return compatibility.OK
