"""`turngym/TauRetail-v0` and `turngym/TauAirline-v0`."""

from __future__ import annotations

import os

from turngym.envs.tools.env import ToolEnv
from turngym.envs.tools.tau.domain import domain
from turngym.envs.tools.tau.files import folder
from turngym.envs.tools.users import Model


class TauRetail(ToolEnv):
    """tau-bench's retail shop: sixteen tools, a policy, customers who cancel, change, return and exchange.

    Args:
        data: folder with a clone of tau-bench or its data as plain JSON, see `tau.files.load`;
            `$TAU_BENCH_DATA` if `None`.
        split: `test` (115 tasks), `train` (500) or `dev` (20).
        user, expert, brief, state: as `ToolEnv` says.

    Raises:
        PrerequisiteError: no data; the message says where it comes from.
        DataError: a damaged file, with its place.
        ValueError: an argument that names nothing known.
    """

    def __init__(
        self,
        data: str | os.PathLike[str] | None = None,
        split: str = "train",
        user: str | Model = "solo",
        expert: bool = False,
        brief: str = "full",
        state: str = "world",
    ) -> None:
        desk = domain("retail", folder(data), split)
        super().__init__(desk, user=user, expert=expert, brief=brief, state=state)


class TauAirline(ToolEnv):
    """tau-bench's airline: fourteen tools, a policy, passengers who book, change and cancel.

    Args:
        data: folder with a clone of tau-bench or its data as plain JSON, see `tau.files.load`;
            `$TAU_BENCH_DATA` if `None`.
        split: `test` (50 tasks), the only one there is.
        user, expert, brief, state: as `ToolEnv` says.

    Raises:
        PrerequisiteError: no data; the message says where it comes from.
        DataError: a damaged file, with its place.
        ValueError: an argument that names nothing known.
    """

    def __init__(
        self,
        data: str | os.PathLike[str] | None = None,
        split: str = "test",
        user: str | Model = "solo",
        expert: bool = False,
        brief: str = "full",
        state: str = "world",
    ) -> None:
        desk = domain("airline", folder(data), split)
        super().__init__(desk, user=user, expert=expert, brief=brief, state=state)
