"""Chat templates in tokens: a conversation rendered once, then only ever appended to."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from turngym.agents.llm import Message, Schema
from turngym.core.errors import ConfigError

MARK = "turngymmark"
"""Stands for the reply that is already there in tokens; one plain word, which no template rewrites."""

_USER: Message = {"role": "user", "content": "."}
_REPLY: Message = {"role": "assistant", "content": MARK}
_REMEMBERED = 16_384


class Renderer:
    """A tokenizer's chat template as two exact operations, `render` and `extend`.

    `tokenizer` is a Hugging Face tokenizer; `template` replaces its own chat template; `options` go to the
    template (`enable_thinking=False`). Raises `ValueError` where there is no template, or one that does not
    show what an assistant said. Where the template is not append-safe, one warning says why and every prompt
    is rendered afresh: each call is then a training sequence of its own.
    """

    def __init__(self, tokenizer: Any, *, template: str | None = None, **options: Any) -> None:
        self.tokenizer, self.template, self.options = tokenizer, template, options
        if not (template or tokenizer.chat_template):
            raise ValueError(
                f"tokenizer {tokenizer.name_or_path!r} has no chat template; pass template=... (Jinja text)"
            )
        self._rendered = lru_cache(512)(self._render)
        self._extended = lru_cache(_REMEMBERED)(self._extend)
        self._decoded = lru_cache(_REMEMBERED)(self._decode)
        self._in_parts = not self._shows_replies(in_parts=False)
        if self._in_parts and not self._shows_replies(in_parts=True):
            raise ValueError(
                f"the chat template of {tokenizer.name_or_path!r} does not show what an assistant said; "
                "pass another template=..."
            )
        fault = self.append_fault()
        self.append_safe = fault is None
        if fault:
            warnings.warn(
                f"{fault}; every prompt is rendered afresh, one training sequence a call", stacklevel=2
            )

    @property
    def stop_ids(self) -> list[int]:
        """Ids that end a reply: the token the template puts after it, and the tokenizer's end of sequence."""
        after = self._encode(self._after([_USER], [_USER])) if self.append_safe else []
        eos = self.tokenizer.eos_token_id
        return sorted({*after[:1], *([] if eos is None else [eos])})

    def render(self, messages: Sequence[Message], tools: Sequence[Schema] = ()) -> list[int]:
        """The prompt for a whole conversation, generation header included.

        The template writes `tools` its own way. Raises `ConfigError` where it does not show them.
        """
        return list(self._rendered(json.dumps(list(messages)), json.dumps(list(tools))))

    def extend(self, new: Sequence[Message], stop: str) -> list[int]:
        """The tokens that `new` messages add after a reply, generation header included.

        Where the model sampled the end of its turn itself (`stop == "stop"`) the template's end token is
        there already and is left out; after a cut-off reply it is kept.
        """
        token_ids = self._extended(json.dumps(list(new)))
        return list(token_ids[1:] if stop == "stop" else token_ids)

    def text(self, token_ids: Sequence[int]) -> str:
        """The text of sampled ids, special tokens dropped."""
        return self._decoded(tuple(token_ids))

    def append_fault(self) -> str | None:
        """Why replies cannot be kept verbatim under this template, or `None` where they can.

        What the template writes after a reply must not depend on the conversation before it, and must begin
        with a token that no text merges into.
        """
        first, *others = (self._after(history, [_USER]) for history in _HISTORIES)
        if any(other is not None and other != first for other in others):
            return "the chat template is not append-safe: what follows a reply depends on the turns before it"
        begins = self._encode(first)[:1]
        if not begins or begins[0] not in _special_ids(self.tokenizer):
            return (
                "the chat template is not append-safe: what follows a reply begins with "
                f"{(first or '')[:12]!r}, which is no special token"
            )
        return None

    def _shows_replies(self, *, in_parts: bool) -> bool:
        """Whether a reply is seen where contents are strings, or lists of parts as for vision models."""
        self._in_parts = in_parts
        return self._after([_USER], [_USER]) is not None

    def _after(self, history: list[Message], new: list[Message]) -> str | None:
        """The text behind the marked reply; `None` where this history is not allowed or hides the reply."""
        try:
            text = self._text([*history, _REPLY, *new])
        except Exception:  # templates refuse what they do not know with errors of many kinds
            return None
        _, mark, after = text.rpartition(MARK)
        return after if mark else None

    def _text(self, messages: Sequence[Message], tools: Sequence[Schema] = ()) -> str:
        text: str = self.tokenizer.apply_chat_template(
            [_parted(message) for message in messages] if self._in_parts else list(messages),
            chat_template=self.template,
            tokenize=False,
            add_generation_prompt=True,
            tools=list(tools) or None,
            **self.options,
        )
        return text

    def _encode(self, text: str | None) -> list[int]:
        token_ids: list[int] = self.tokenizer.encode(text or "", add_special_tokens=False)
        return token_ids

    def _render(self, messages: str, tools: str) -> tuple[int, ...]:
        said, schemas = json.loads(messages), json.loads(tools)
        text = self._text(said, schemas)
        if schemas and text == self._text(said):
            raise ConfigError(
                f"the chat template of {self.tokenizer.name_or_path!r} does not show tools; "
                "use the agent 'tool', which writes them into its first message"
            )
        return tuple(self._encode(text))

    def _extend(self, new: str) -> tuple[int, ...]:
        _, _, after = self._text([_USER, _REPLY, *json.loads(new)]).rpartition(MARK)
        return tuple(self._encode(after))

    def _decode(self, token_ids: tuple[int, ...]) -> str:
        text: str = self.tokenizer.decode(
            list(token_ids), skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text


_HISTORIES: tuple[list[Message], ...] = (
    [_USER],
    [{"role": "user", "content": "A longer question, with\ntwo lines?"}],
    [{"role": "system", "content": "You play a game."}, _USER],
    [
        _USER,
        {"role": "assistant", "content": "<think>\nFirst.\n</think>\n\nYes"},
        {"role": "user", "content": "more"},
    ],
    [_USER, {"role": "assistant", "content": "a"}, _USER, {"role": "assistant", "content": "b"}, _USER],
)


def append_safe(tokenizer: Any, *, template: str | None = None, **options: Any) -> bool:
    """Whether replies can be kept verbatim under the tokenizer's chat template (`Renderer.append_fault`)."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return Renderer(tokenizer, template=template, **options).append_safe


def _parted(message: Message) -> Message:
    content = message["content"]
    return message | {"content": [{"type": "text", "text": content}]} if isinstance(content, str) else message


def _special_ids(tokenizer: Any) -> set[int]:
    return {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}
