"""Turns sums of weights into probabilities that mean what they say, and measures how well they do. Pure.

Platt's sigmoid (1999) fitted by Newton steps; the expected calibration error as in Guo et al. (2017).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
STEPS = 50
RIDGE = 1e-6


@dataclass(frozen=True)
class Sigmoid:
    """p = 1 / (1 + exp(-(slope * sum + shift)))."""

    slope: float
    shift: float

    def __call__(self, sums: Numbers) -> Numbers:
        """Probabilities of sums, shape kept; never overflows."""
        probabilities: Numbers = 1 / (1 + np.exp(np.minimum(-self.slope * sums - self.shift, 30.0)))
        return probabilities


def fit_sigmoid(sums: Numbers, positive: NDArray[np.bool_], weights: Numbers, shifted: bool = True) -> Sigmoid:
    """The sigmoid of largest weighted likelihood for `positive` (n,) given `sums` (n,); weights (n,) above 0.

    Not `shifted`: the slope alone is fitted (temperature scaling, Guo et al. 2017), so that a sum of 0 stays even odds.
    """
    design = np.column_stack([sums, np.full(len(sums), float(shifted))])
    target = positive.astype(float)
    solution = np.array([1.0, 0.0])
    weights = weights / weights.sum()
    for _ in range(STEPS):
        chance = Sigmoid(*solution.tolist())(sums)
        gradient = design.T @ (weights * (chance - target)) + RIDGE * solution
        curvature = (design * (weights * chance * (1 - chance))[:, None]).T @ design + RIDGE * np.eye(2)
        step = np.linalg.solve(curvature, gradient)
        solution = solution - np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-10:
            break
    return Sigmoid(float(solution[0]), float(solution[1]))


def calibration_error(probabilities: Numbers, positive: NDArray[np.bool_], bins: int = 15) -> float:
    """The mean gap between stated probability and found share over equally wide bins, weighted by their texts; 0..1."""
    place = np.minimum((probabilities * bins).astype(int), bins - 1)
    stated = np.bincount(place, weights=probabilities, minlength=bins)
    found = np.bincount(place, weights=positive.astype(float), minlength=bins)
    return float(np.abs(stated - found).sum() / len(probabilities)) if len(probabilities) else 0.0
