"""The one percentile of reports: a value that was measured, no average of two."""

import math
from collections.abc import Sequence


def percentile(ascending: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of the values do not exceed (nearest rank).

    0 if there are no values.
    """
    if not ascending:
        return 0.0
    return ascending[max(math.ceil(share * len(ascending)), 1) - 1]
