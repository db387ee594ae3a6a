"""A model by its name: an engine that runs it, and what writes its prompts."""

from __future__ import annotations

from inspect import signature
from typing import Any

from turngym.core import config
from turngym.core.commands.common import extra
from turngym.core.errors import PrerequisiteError


def brain_of(model: str, engine: config.Table) -> dict[str, Any]:
    """The engine of a model, which has weights here or a name on a server, and its renderer where it takes tokens."""
    from turngym.agents import engines

    takes = signature(engines.registry.get(config.plugin_name(engine, "engine"))).parameters
    if "url" not in takes:
        return _weights(model, engine)
    if "tokenizer" not in takes:
        return {"engine": config.build(engines.registry, engine, "engine", model=model)}
    renderer = _renderer(engine.get("tokenizer") or model)
    given: dict[str, Any] = {"model": model, "stop_ids": renderer.stop_ids}
    made = config.build(engines.registry, engine, "engine", **given)
    with extra("http"):
        from turngym.agents.engines import vocabulary

    vocabulary.compare_server(renderer.tokenizer, made)
    return {"engine": made, "renderer": renderer}


def _renderer(tokenizer: str) -> Any:
    with extra("train"):
        from transformers import AutoTokenizer

        from turngym.agents.renderer import Renderer

    try:
        return Renderer(AutoTokenizer.from_pretrained(tokenizer))
    except (OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise PrerequisiteError(f"cannot load the tokenizer {tokenizer!r}: {reason}") from error


def _weights(model: str, engine: config.Table) -> dict[str, Any]:
    with extra("train"):
        from turngym.agents import engines
        from turngym.agents.renderer import Renderer
        from turngym.trainers.models import pretrained

    try:
        policy = pretrained(path=model)
    except (OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise PrerequisiteError(f"cannot load the model {model!r}: {reason}") from error
    made = config.build(engines.registry, engine, "engine", model=policy.model, stop_ids=policy.eos_ids)
    return {"engine": made, "renderer": Renderer(policy.tokenizer)}
