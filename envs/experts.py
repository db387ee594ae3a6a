"""What is raised where an environment is asked for an expert that it does not have."""

from __future__ import annotations

from turngym.core.errors import PrerequisiteError


class NoExpert(PrerequisiteError):
    """`expert=True` for a game or level that nobody here can win for sure; the message says which have one."""
