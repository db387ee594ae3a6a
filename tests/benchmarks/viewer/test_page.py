"""The viewer written into one file."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
from tests.benchmarks.viewer.episodes import HOSTILE, TRICKY, WALKS, episode, training, turn, write

from turngym.benchmarks.viewer import view
from turngym.benchmarks.viewer.library import Library
from turngym.benchmarks.viewer.page import STATIC, bundle, page
from turngym.core.errors import UserError

MODULES = sorted(path.stem for path in STATIC.glob("*.js"))
METHODS = ["grpo", "hgpo"]


class Elements(HTMLParser):
    """The start tags of a page, and the text in each script and style."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self._into = [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._into = tag if tag in ("script", "style") else None
        if self._into:
            self.texts.append((tag, dict(attrs), ""))

    def handle_data(self, data):
        if self._into:
            tag, attrs, text = self.texts[-1]
            self.texts[-1] = tag, attrs, text + data

    def handle_endtag(self, tag):
        self._into = None


@pytest.fixture
def hostile(tmp_path):
    """A run whose every text tries to be more than text."""
    bad = turn(HOSTILE, action=HOSTILE, obs=HOSTILE + TRICKY, reward=1.0)
    odd = {"final_obs": HOSTILE, "error": HOSTILE}
    return write(tmp_path / "episodes.jsonl", [episode(1, 0, bad, **odd), episode(1, 1, turn("a"), **odd)])


def answers(text):
    found = [
        (attrs["data-answer"], body) for _, attrs, body in Elements(text).texts if "data-answer" in attrs
    ]
    return {key: json.loads(body) for key, body in found}


def as_sent(answer):
    return json.loads(json.dumps(answer))


def tags(path):
    return [tag for tag, _ in Elements(page(Library([path]), METHODS)).tags]


def test_a_page_holds_every_answer_as_the_server_would_give_it(tmp_path):
    library = Library([training(tmp_path / "run")])
    told = answers(page(library, METHODS))
    assert told["rows 0"] == as_sent(library.rows(0))
    assert told["curves 0"] == as_sent(library.curves(0))
    assert [told[f"episode 0 {n}"] for n in range(5)] == [as_sent(library.episode(0, n)) for n in range(5)]
    assert told["group 0 0"] == as_sent(library.group(0, 0))
    assert told["credit 0 0"] == as_sent(library.credit(0, 0, METHODS))


def test_texts_that_try_to_be_markup_add_no_element(hostile, tmp_path):
    harmless = write(
        tmp_path / "harmless" / "episodes.jsonl", [episode(1, 0, turn("a")), episode(1, 1, turn("a"))]
    )
    assert tags(hostile) == tags(harmless)
    assert HOSTILE in answers(page(Library([hostile]), METHODS))["episode 0 0"]["turns"][0]["obs"]


def test_the_policy_lets_in_this_script_and_this_style_alone(hostile):
    elements = Elements(page(Library([hostile]), METHODS))
    (policy,) = [attrs["content"] for tag, attrs in elements.tags if "http-equiv" in attrs]
    running = [(tag, text) for tag, attrs, text in elements.texts if "data-answer" not in attrs]
    assert [tag for tag, _ in running] == ["style", "script"]
    for tag, text in running:
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_nothing_is_loaded_from_elsewhere(hostile):
    for tag, attrs in Elements(page(Library([hostile]), METHODS)).tags:
        assert not attrs.get("src"), tag
        assert attrs.get("href", "data:,") == "data:,"


def test_the_modules_become_one_without_imports_each_once():
    whole = bundle("main")
    assert not re.search(r"^\s*(import|export)\b", whole, re.MULTILINE)
    for name in MODULES:
        own = (STATIC / f"{name}.js").read_text(encoding="utf-8")
        first_line = own.partition("\n")[0]
        assert whole.count(first_line) == 1
    assert "</script" not in whole
    assert "<!--" not in whole


@pytest.mark.parametrize("name", MODULES)
def test_no_module_makes_markup_of_text(name):
    text = (STATIC / f"{name}.js").read_text(encoding="utf-8")
    for way in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        "Function(",
        "srcdoc",
    ):
        assert way not in text


def test_a_page_keeps_the_first_episodes_and_says_how_many_there_are(tmp_path):
    view.main([write(tmp_path / "episodes.jsonl", WALKS)], METHODS, out=tmp_path / "page.html", limit=2)
    told = answers((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert [key for key in told if key.startswith("episode")] == ["episode 0 0", "episode 0 1"]
    assert told["rows 0"]["stored"] == 5


@pytest.mark.parametrize(
    ("run", "method", "out"),
    [("nothing", "grpo", "page.html"), ("run", "oprl", "page.html"), ("run", "grpo", "nowhere/page.html")],
)
def test_what_cannot_be_written_is_told_in_a_sentence_before_anything_is(tmp_path, run, method, out):
    training(tmp_path / "run")
    with pytest.raises(UserError):
        view.main([tmp_path / run], [method], out=tmp_path / out)
    assert not (tmp_path / out).exists()


@pytest.mark.parametrize("written", [[], ["{"]])
def test_a_page_of_a_run_without_episodes_can_be_written(tmp_path, written):
    path = tmp_path / "episodes.jsonl"
    path.write_text("\n".join(written) + "\n")
    told = answers(page(Library([path]), METHODS))
    assert told["rows 0"]["tasks"] == []
    assert len(told["rows 0"]["notes"]) == len(written)
