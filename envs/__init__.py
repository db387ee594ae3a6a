"""Environments that speak text: make them by id, register your own, check and pool them."""

from turngym.envs import builtins as builtins
from turngym.envs.base import EnvFailure, EnvHandle, Text, TextEnv
from turngym.envs.check import check_env
from turngym.envs.lender import Lender, PoolError
from turngym.envs.pool import Pool
from turngym.envs.registration import factory, make, make_vec, register, registry, resolve

__all__ = [
    "EnvFailure",
    "EnvHandle",
    "Lender",
    "Pool",
    "PoolError",
    "Text",
    "TextEnv",
    "check_env",
    "factory",
    "make",
    "make_vec",
    "register",
    "registry",
    "resolve",
]
