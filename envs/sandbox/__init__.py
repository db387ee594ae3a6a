"""A sandbox for Python that a model wrote."""

from turngym.envs.sandbox.limits import Limits
from turngym.envs.sandbox.process import NotConfined
from turngym.envs.sandbox.protection import WEAK, Protection, Unprotected, strongest
from turngym.envs.sandbox.session import Outcome, Sandbox, run

__all__ = [
    "WEAK",
    "Limits",
    "NotConfined",
    "Outcome",
    "Protection",
    "Sandbox",
    "Unprotected",
    "run",
    "strongest",
]
