"""What the page's section on the neuron by hand needs: the run on its way, for its script."""

from typing import Any

import pandas as pd


def section(
    path: pd.DataFrame, rows: pd.DataFrame, epochs: list[int], least: int, learning_rate: float
) -> dict[str, Any]:
    """Return what the template names: places in the path, and the data of the script.

    path: as `claims.path` made it. rows: X1, X2, X3 and y of the six rows. epochs: at which the
    page offers to look; the first is shown first. least: the epoch of the least held-out loss.
    """
    places = {int(epoch): place for place, epoch in enumerate(path["epoch"])}
    return {
        "first": places[epochs[0]],
        "last": len(path) - 1,
        "jumps": [places[epoch] for epoch in epochs],
        "least": places[least],
        "stops": sorted({*(places[epoch] for epoch in epochs), places[least]}),
        "data": {
            "path": {str(name): column.tolist() for name, column in path.items()},
            "X": rows[["X1", "X2", "X3"]].to_numpy().tolist(),
            "y": [int(label) for label in rows["y"]],
            "learning_rate": learning_rate,
        },
    }
