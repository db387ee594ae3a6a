from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers")

from turngym.agents.renderer import Renderer, append_safe

USER = {"role": "user", "content": "go left"}
THINKING_DROPPED = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n"
    "{% if m.role == 'assistant' and not loop.last and '</think>' in m.content %}"
    "{{ m.content.split('</think>')[-1].lstrip('\n') }}{% else %}{{ m.content }}{% endif %}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}"
)
TURNS_COUNTED = (
    "{% for m in messages %}<|im_start|>{{ m.role }} {{ loop.index }}\n{{ m.content }}<|im_end|>\n"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SYSTEM_IN_LAST_USER = (
    "{% set system = messages[0].content if messages[0].role == 'system' else '' %}"
    "{% for m in messages if m.role != 'system' %}<|im_start|>{{ m.role }}\n"
    "{% if loop.last %}{{ system }}{% endif %}{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
PLAIN_WORDS = (
    "{% for m in messages %}\n{{ m.role }}: {{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %}\nassistant:{% endif %}"
)
CONTENT_IN_PARTS = (
    "{% for m in messages %}<|im_start|>{{ m.role }}{% for p in m.content %} {{ p['text'] }}{% endfor %}"
    "<|im_end|>{% endfor %}"
)
REPLIES_HIDDEN = (
    "{% for m in messages if m.role == 'user' %}<|im_start|>{{ m.content }}<|im_end|>{% endfor %}"
)


def test_a_reply_that_ended_itself_brings_its_end_token_along(tokenizer: Any) -> None:
    renderer = Renderer(tokenizer)
    text = "\n<|im_start|>user\ngo left<|im_end|>\n<|im_start|>assistant\n"
    assert tokenizer.decode(renderer.extend([USER], "stop")) == text
    assert tokenizer.decode(renderer.extend([USER], "length")) == "<|im_end|>" + text


def test_extending_gives_the_tokens_of_the_whole_conversation_under_a_plain_template(tokenizer: Any) -> None:
    renderer = Renderer(tokenizer)
    reply = {"role": "assistant", "content": "left"}
    end = tokenizer.eos_token_id
    sampled = [*tokenizer.encode("left"), end]
    assert renderer.render([USER, reply, USER]) == renderer.render([USER]) + sampled + renderer.extend(
        [USER], "stop"
    )


def test_the_end_token_of_the_template_and_the_tokenizer_stop_a_reply(
    make_tokenizer: Callable[..., Any],
) -> None:
    tokenizer = make_tokenizer(THINKING_DROPPED, end="<|endoftext|>")
    end_of_turn, end_of_text = tokenizer.convert_tokens_to_ids(["<|im_end|>", "<|endoftext|>"])
    assert Renderer(tokenizer).stop_ids == sorted([end_of_turn, end_of_text])


def test_special_tokens_are_not_in_the_text(tokenizer: Any) -> None:
    assert Renderer(tokenizer).text([*tokenizer.encode("go left"), tokenizer.eos_token_id]) == "go left"


def test_messages_may_hold_lists_and_are_not_changed(tokenizer: Any) -> None:
    message = {"role": "user", "content": "go", "tool_calls": [{"name": "look"}]}
    assert Renderer(tokenizer).render([message]) == Renderer(tokenizer).render(
        [{"role": "user", "content": "go"}]
    )
    assert message["tool_calls"] == [{"name": "look"}]


def test_what_a_caller_does_to_a_prompt_does_not_reach_the_next(tokenizer: Any) -> None:
    renderer = Renderer(tokenizer)
    first = renderer.render([USER])
    first.append(0)
    assert renderer.render([USER]) == first[:-1]


def test_options_reach_the_template(make_tokenizer: Callable[..., Any]) -> None:
    tokenizer = make_tokenizer("{{ greeting }}{% for m in messages %}{{ m.content }}<|im_end|>{% endfor %}")
    assert tokenizer.decode(Renderer(tokenizer, greeting="hi ").render([USER])) == "hi go left<|im_end|>"


def test_a_template_that_drops_earlier_reasoning_is_append_safe(make_tokenizer: Callable[..., Any]) -> None:
    assert append_safe(make_tokenizer(THINKING_DROPPED))


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        (TURNS_COUNTED, "depends on the turns before it"),
        (SYSTEM_IN_LAST_USER, "depends on the turns before it"),
        (PLAIN_WORDS, "no special token"),
    ],
)
def test_a_template_that_is_not_append_safe_is_named_in_one_warning(
    make_tokenizer: Callable[..., Any], template: str, reason: str
) -> None:
    with pytest.warns(UserWarning, match=reason) as caught:
        renderer = Renderer(make_tokenizer(template))
    assert len(caught) == 1
    assert not renderer.append_safe
    assert renderer.render([USER])


def test_the_check_itself_warns_nobody(make_tokenizer: Callable[..., Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not append_safe(make_tokenizer(TURNS_COUNTED))


def test_a_tokenizer_without_a_template_asks_for_one(make_tokenizer: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="no chat template; pass template="):
        Renderer(make_tokenizer(None))
    assert Renderer(make_tokenizer(None), template=THINKING_DROPPED).append_safe


def test_a_template_that_hides_replies_is_refused(make_tokenizer: Callable[..., Any]) -> None:
    with pytest.raises(ValueError, match="does not show what an assistant said"):
        Renderer(make_tokenizer(REPLIES_HIDDEN))


def test_a_template_that_wants_content_in_parts_gets_it(make_tokenizer: Callable[..., Any]) -> None:
    tokenizer = make_tokenizer(CONTENT_IN_PARTS)
    assert tokenizer.decode(Renderer(tokenizer).render([USER])) == "<|im_start|>user go left<|im_end|>"


def trl_templates() -> list[Path]:
    found = find_spec("trl")
    folder = Path(found.origin).parent / "chat_templates" if found and found.origin else Path()
    return sorted(folder.glob("*.jinja")) if found else []


@pytest.mark.trl
@pytest.mark.parametrize("path", trl_templates(), ids=lambda path: path.stem)
def test_templates_of_trl(make_tokenizer: Callable[..., Any], path: Path) -> None:
    assert append_safe(make_tokenizer(path.read_text()))
