"""What was measured of a run, for its bundle: in training, and by an evaluation."""

from pathlib import Path
from typing import Any

import orjson


def measured(run: Path, report: Path | None) -> dict[str, Any]:
    """The metrics of a run's training, and its part of a report, as plain JSON.

    Args:
        run: RUN folder.
        report: see `evaluation_of`; none if None.

    Raises:
        ValueError: see `evaluation_of`.
    """
    path = run / "metrics.json"
    training = {"training": orjson.loads(path.read_bytes())} if path.is_file() else {}
    return training | ({"evaluation": evaluation_of(report, run.name)} if report else {})


def evaluation_of(report: Path, run: str) -> dict[str, Any]:
    """A run's part of a report, as plain JSON.

    Args:
        report: REPORT folder, or its report.json.
        run: the name under which the run was evaluated: that of its folder.

    Raises:
        ValueError: there is no such report, or it does not hold that run.
    """
    path = report / "report.json" if report.is_dir() else report
    if not path.is_file():
        raise ValueError(f"{path} not found; `anabranch evaluate RUN --labels LABELS --out REPORT` writes it")
    contents = orjson.loads(path.read_bytes())
    found = {one["row"]["name"]: one for one in contents["routers"]}
    if run not in found:
        raise ValueError(f"{path} holds no router {run!r}; it holds {sorted(found)}")
    router = found[run]
    return {
        "labels": contents["labels"],
        "split": contents["split"],
        "prompts": contents["prompts"],
        "cost_unit": contents["cost_unit"],
        "verdict": router["verdict"]["word"],
        "gain": router["verdict"]["gain"],
        "quality": router["row"]["quality"],
        "cost": router["row"]["cost"],
        "metrics": router["metrics"],
        "curve": router["curve"],
    }
