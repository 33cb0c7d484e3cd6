"""How many plans a second one core draws, at the settings of the Ames example.

python benchmarks/planning.py [--seconds 5] [--json]
"""

from __future__ import annotations

import argparse
import json
import time

import numpy as np

from cerebros.spaces import (
    ExponentialDecay,
    LateralWiring,
    Output,
    Ports,
    RandomWiring,
    VerticalWiring,
)

AMES = RandomWiring(
    levels=(2, 7),
    units=(1, 4),
    neurons=(1, 4),
    vertical=VerticalWiring(
        input_density=15.0313, density=10.046, decay=ExponentialDecay(0.7)
    ),
    lateral=LateralWiring(
        probability=0.19668,
        decay=ExponentialDecay(0.95),
        tries=20,
        max_consecutive=23,
    ),
    copies="drawn",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of each round")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    ports = Ports(input_widths=(38,), outputs=(Output(1),))
    rates, n_units = [], []
    for round_number in range(3):
        n_plans, start = 0, time.process_time()
        while (elapsed := time.process_time() - start) < arguments.seconds / 3:
            rng = np.random.default_rng([round_number, n_plans])
            n_units.append(len(AMES.sample(ports, rng).plan.units))
            n_plans += 1
        rates.append(n_plans / elapsed)
    result = {
        "plans_per_second_min": round(min(rates)),
        "plans_per_second_median": round(float(np.median(rates))),
        "plans_per_second_max": round(max(rates)),
        "plans": len(n_units),
        "mean_units": round(float(np.mean(n_units)), 2),
    }
    if arguments.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:26} {value}")


if __name__ == "__main__":
    main()
