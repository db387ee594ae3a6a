"""A board of credit methods: training runs under one budget, ranked over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from statistics import fmean
from typing import Any

import numpy as np
import numpy.typing as npt

from turngym.benchmarks.board.entries import Refused
from turngym.benchmarks.board.runs import Run, check_budgets
from turngym.benchmarks.board.versus import Versus
from turngym.benchmarks.result import canonical
from turngym.benchmarks.stats import Interval
from turngym.core.config import Table

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Method:
    """A credit method with its settings, and the runs that used it."""

    name: str
    settings: str
    """The arguments of the credit, and what its trainer sets otherwise than the others."""
    runs: Sequence[Run]
    """One per seed."""
    interval: Interval
    """95 %, of the success at the end."""
    rank: int | None
    """One more than the number of ranked methods that beat it; `None` where it is not ranked."""
    apart: str | None
    """Why it is not ranked."""
    against: Mapping[str, Versus]
    """The paired comparison with every other ranked method, by its name."""

    @property
    def final(self) -> float:
        """Success at the end, a mean over seeds."""
        return fmean(run.final for run in self.runs)

    @property
    def start(self) -> float:
        """Success where training began, a mean over seeds."""
        return fmean(run.start for run in self.runs)

    @property
    def greedy(self) -> float | None:
        """Success at the end with the likeliest tokens, a mean over seeds."""
        told = [run.greedy for run in self.runs if run.greedy is not None]
        return fmean(told) if len(told) == len(self.runs) else None

    @property
    def gains(self) -> list[float]:
        """Success at the end less that at the start, by seed."""
        return [run.final - run.start for run in self.runs]

    @property
    def ties(self) -> list[str]:
        """Names of the methods that the episodes do not tell from this one."""
        return [name for name, comparison in self.against.items() if comparison.verdict == "tie"]

    @property
    def curve(self) -> list[tuple[float, float]]:
        """Success over steps, a mean over seeds at the steps that all of them measured."""
        steps = sorted(set.intersection(*(set(run.curve) for run in self.runs)))
        return [(step, fmean(run.curve[step] for run in self.runs)) for step in steps]


def methods(runs: Sequence[Run], *, min_seeds: int = 3) -> list[Method]:
    """The methods of the runs, best first; those with fewer seeds come last, without a rank.

    Raises `ConfigError` where two runs had different budgets.
    """
    check_budgets(runs)
    grouped = _grouped(runs)
    reasons = {name: _apart(played, min_seeds) for name, played in grouped.items()}
    against = _all_against_all({name: played for name, played in grouped.items() if reasons[name] is None})
    settings = _settings(grouped)
    made = [
        Method(
            name=name,
            settings=settings[name],
            runs=played,
            interval=over_seeds_and_tasks(_matrix(played)),
            rank=1 + sum(duel.verdict == "worse" for duel in against[name].values())
            if name in against
            else None,
            apart=reasons[name],
            against=against.get(name, {}),
        )
        for name, played in grouped.items()
    ]
    return sorted(made, key=lambda method: (method.rank is None, -method.final, method.name))


def _grouped(runs: Sequence[Run]) -> dict[str, list[Run]]:
    """The runs by method, in the order of seeds; methods of one name are numbered."""
    alike: dict[str, list[Run]] = {}
    for run in sorted(runs, key=lambda run: (canonical([run.credit, run.trainer]), run.seed, run.folder)):
        alike.setdefault(canonical([run.credit, run.trainer]), []).append(run)
    names: dict[str, list[list[Run]]] = {}
    for played in alike.values():
        names.setdefault(_name(played[0].credit), []).append(played)
    return {
        name if len(found) == 1 else f"{name} #{number}": played
        for name, found in names.items()
        for number, played in enumerate(found, start=1)
    }


def _name(credit: Table) -> str:
    """`shuffled(hgpo)` for a method that is given another as an argument."""
    inner = [_name(value) for value in credit.values() if isinstance(value, dict) and "name" in value]
    return f"{credit['name']}({', '.join(inner)})" if inner else str(credit["name"])


def _settings(grouped: Mapping[str, Sequence[Run]]) -> dict[str, str]:
    trainers = [played[0].trainer for played in grouped.values()]
    shared = (
        {key for key in trainers[0] if all(key in t and t[key] == trainers[0][key] for t in trainers)}
        if trainers
        else set()
    )
    return {name: ", ".join(_words(played[0], shared)) for name, played in grouped.items()}


def _words(run: Run, shared: set[str]) -> list[str]:
    own = {f"trainer.{key}": value for key, value in run.trainer.items() if key not in shared}
    return [f"{key} = {_word(value)}" for key, value in (_flat(run.credit) | own).items()]


def _flat(table: Table, prefix: str = "") -> Table:
    flat: Table = {}
    for key, value in table.items():
        inner = isinstance(value, dict)
        flat |= (
            _flat(value, f"{prefix}{key}.") if inner else {} if key == "name" else {f"{prefix}{key}": value}
        )
    return flat


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _apart(runs: Sequence[Run], min_seeds: int) -> str | None:
    seeds = [run.seed for run in runs]
    if len(set(seeds)) < len(seeds):
        return f"two runs of one seed ({', '.join(run.folder for run in runs)})"
    if len(seeds) < min_seeds:
        return f"{len(seeds)} seed{'s' * (len(seeds) > 1)}, which is less than {min_seeds}"
    return None


def _matrix(runs: Sequence[Run]) -> Floats:
    return np.array([[run.outcomes[task] for task in sorted(run.outcomes)] for run in runs])  # [seeds, tasks]


def _all_against_all(grouped: Mapping[str, Sequence[Run]]) -> dict[str, dict[str, Versus]]:
    against: dict[str, dict[str, Versus]] = {name: {} for name in grouped}
    for one, other in combinations(grouped, 2):
        comparison = paired(grouped[one], grouped[other])
        if comparison is not None:
            against[one][other], against[other][one] = comparison, comparison.turned()
    return against


def paired(one: Sequence[Run], other: Sequence[Run]) -> Versus | None:
    """The difference of two methods on the same seeds and tasks; `None` without a seed in common."""
    left, right = ({run.seed: run for run in runs} for runs in (one, other))
    common = sorted(set(left) & set(right))
    if not common:
        return None
    difference = _matrix([left[seed] for seed in common]) - _matrix([right[seed] for seed in common])
    low, high = over_seeds_and_tasks(difference)
    method = f"bootstrap over {len(common)} seeds and {difference.shape[1]} tasks"
    verdict = "tie" if low <= 0 <= high else "better" if low > 0 else "worse"
    return Versus(
        difference=float(difference.mean()), low=low, high=high, p=None, method=method, verdict=verdict
    )


def over_seeds_and_tasks(values: Floats, *, draws: int = 2000, seed: int = 0) -> Interval:
    """95 % percentile bootstrap of the mean of `values` [seeds, tasks], in which seeds and tasks are both drawn again.

    Every seed met every task, so neither alone is independent evidence (Owen 2007, "The pigeonhole bootstrap").
    """
    rng = np.random.default_rng(seed)
    seeds, tasks = values.shape
    of_seeds = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=draws) / seeds  # [draws, seeds]
    of_tasks = rng.multinomial(tasks, np.full(tasks, 1 / tasks), size=draws) / tasks  # [draws, tasks]
    means = (of_seeds @ values * of_tasks).sum(axis=1)  # [draws]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def document(ranked: Sequence[Method], refused: Sequence[Refused]) -> dict[str, Any]:
    """The board of methods as JSON."""
    return {
        "schema": 1,
        "budget": dict(ranked[0].runs[0].budget) if ranked else {},
        "methods": [_record(method) for method in ranked],
        "refused": [asdict(one) for one in refused],
    }


def _record(method: Method) -> dict[str, Any]:
    return {
        "name": method.name,
        "rank": method.rank,
        "ties": method.ties,
        "not_ranked": method.apart,
        "credit": method.runs[0].credit,
        "trainer": method.runs[0].trainer,
        "seeds": [run.seed for run in method.runs],
        "start": method.start,
        "final": {"mean": method.final, "low": method.interval[0], "high": method.interval[1]},
        "gains": method.gains,
        "greedy": method.greedy,
        "tokens": fmean(run.tokens for run in method.runs),
        "seconds": fmean(run.seconds for run in method.runs),
        "curves": {
            str(run.seed): {str(step): rate for step, rate in run.curve.items()} for run in method.runs
        },
        "against": {name: asdict(duel) for name, duel in method.against.items()},
    }
