"""Measures whether a backend gives the vectors of the float32 model, on fixed probe texts.

Lower precision or another library must not move the vectors: an index, its questions and a calibration made
elsewhere would no longer match. The probes are short, empty, long, longer than any window, and not English.
"""

from __future__ import annotations

import numpy as np

from index.storage.arrays import Vectors

MIN_COSINE = 0.999
"""Cosine that every probe must reach: bfloat16 gives at least .9999 with models of these sizes."""

_REPORT = (
    "The committee met in March to consider how the pilot had gone. Its members had read forty letters "
    "from parents, two reports by the inspectorate and a long note from the treasurer, who doubted that the "
    "savings would come. The chair asked why only 61% of the places were taken in the second year. "
)

PROBES = (
    "",
    " river ",
    "Why?",
    "harbour dredging cost",
    "Who chaired the inquiry into school transport?",
    "what happens if i cant pay my council tax on time",
    "The bridge was closed for 14 weeks in 1987, after a survey found cracks in two of its piers.",
    "Nurses said they were not consulted before the wards were merged.",
    "Café owners' losses came to £5.14 million (about €6 million), or 1,000 jobs.",
    "Die Brücke wurde im Frühjahr gesperrt.",
    "蛋白質の構造は温度によって変わる。",
    "p53 mutations do not predict response to cisplatin in NSCLC (HR 0.97, 95% CI 0.81-1.16).",
    "def area(r): return 3.14159 * r ** 2  # http://example.org/?q=1&k=2",
    "no no no no no no no no",
    _REPORT,
    _REPORT * 3,
    "Eels were caught here until the mill was built. " * 60,
)


def least_cosine(vectors: Vectors, reference: Vectors) -> float:
    """The smallest cosine between vectors of the same text, both of shape (texts, dimension) and norm 1.

    -1 for vectors of another shape or with NaN or infinity.
    """
    if vectors.shape != reference.shape or not np.isfinite(vectors).all():
        return -1.0
    return float((vectors.astype(np.float64) * reference).sum(axis=1).min())
