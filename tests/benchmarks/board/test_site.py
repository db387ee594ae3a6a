"""The written board: JSON, Markdown and HTML that show every name as text."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.benchmarks.board.made import MODEL, agent, halls, make

pytest.importorskip("jinja2")

from turngym.benchmarks.board.build import build
from turngym.benchmarks.board.markdown import plain
from turngym.benchmarks.board.site import MANY
from turngym.benchmarks.result import read_result
from turngym.core.errors import ConfigError

STRONG, WEAK = [True] * 50 + [False] * 10, [False] * 50 + [True] * 10
EVIL = "<script>document.title='owned'</script>"


def files(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def results(place: Path) -> Path:
    make(place / "strong", STRONG, agent=agent("strong"))
    make(place / "weak", WEAK, agent=agent("weak"), model=MODEL, credit="hgpo", trained_on="train_split")
    make(place / "lossy", [None, None, *STRONG[2:]], agent=agent("lossy"))
    broken = make(place / "broken", STRONG, agent=agent("broken"))
    (broken / "result.json").write_text("{}", encoding="utf-8")
    return place


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("board")
    build([results(place / "results")], place / "site", attach=True)
    return place / "site"


class Tags(HTMLParser):
    """Collects tags and the places that links lead to, and what stands between."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(html: str) -> Tags:
    tags = Tags()
    tags.feed(html)
    return tags


def test_building_twice_writes_the_same_bytes(tmp_path: Path) -> None:
    place = results(tmp_path / "results")
    for out in ("one", "two"):
        build([place], tmp_path / out)
    build([place / "weak", place / "lossy", place], tmp_path / "one")
    assert files(tmp_path / "one") == files(tmp_path / "two")


def test_the_leaderboard_as_json_says_ranks_ties_and_what_was_refused(site: Path) -> None:
    said = json.loads((site / "leaderboard.json").read_text(encoding="utf-8"))
    (table,) = said["panels"]
    assert [(row["agent"]["name"], row["rank"]) for row in table["rows"]] == [
        ("strong", 1),
        ("lossy", 1),
        ("weak", 3),
    ]
    assert table["rows"][0]["ties"] == [table["rows"][1]["id"]]
    assert table["rows"][2]["against"][table["rows"][0]["id"]]["verdict"] == "worse"
    assert [one["folder"] for one in said["refused"]] == ["broken"]


def test_the_markdown_has_a_row_per_entry(site: Path) -> None:
    text = (site / "leaderboard.md").read_text(encoding="utf-8")
    assert "| =1 | strong | 83.3 % (72.0 to 90.7) | – | 0.0 % |" in text
    assert "| 3 | weak · weights/hgpo | 16.7 % (9.3 to 28.0) | hgpo |" in text
    assert "| broken | result.json " in text


@given(st.text())
def test_markdown_shows_any_text_in_one_cell_and_without_markup(text: str) -> None:
    shown = plain(text)
    assert "\n" not in shown
    assert not re.search(r"(?<!\\)(?:\\\\)*[|`*_\[]", shown)
    assert "<" not in shown


def test_pages_link_to_pages_that_are_there_and_to_no_network(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) == 4
    for page in pages:
        html = page.read_text(encoding="utf-8")
        for link in parsed(html).links:
            target, _, anchor = link.partition("#")
            found = (page.parent / target).resolve() if target else page
            assert found.is_file(), link
            assert not anchor or f'id="{anchor}"' in found.read_text(encoding="utf-8")
        assert "default-src 'none'" in html
        assert str(site) not in html


def evil(place: Path, text: str) -> Path:
    """A result with a text wherever its maker may write one."""
    model = MODEL | {"name": text, "engine": text, "arguments": {text: text}}
    code = {"version": text, "commit": text, "dirty": True}
    said = {"agent": agent(text, **{text: text}), "model": model, "credit": text, "trained_on": "unknown"}
    return make(place / "evil", STRONG, code=code, machine={text: text}, **said)


def test_a_name_with_markup_shows_as_text(tmp_path: Path) -> None:
    plain_site = build([results(tmp_path / "results")], tmp_path / "plain")
    assert len(plain_site.panels[0].rows) == 3
    evil(tmp_path / "results", EVIL)
    made = build([tmp_path / "results"], tmp_path / "site")
    assert EVIL in {row.entry.agent for row in made.panels[0].rows}
    for page in (tmp_path / "site").rglob("*.html"):
        tags = parsed(page.read_text(encoding="utf-8"))
        assert tags.tags.count("script") == 1
        assert EVIL in tags.text
    assert EVIL not in (tmp_path / "site/leaderboard.md").read_text(encoding="utf-8")


@settings(max_examples=6)
@given(text=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12))
def test_any_name_can_be_shown(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    place = tmp_path_factory.mktemp("evil")
    evil(place, text)
    build([place], place / "site")
    assert text in parsed((place / "site/index.html").read_text(encoding="utf-8")).text


def test_a_name_that_is_no_valid_unicode_is_written_escaped(tmp_path: Path) -> None:
    make(tmp_path / "odd", STRONG, agent=agent("odd \ud800 name"))
    build([tmp_path / "odd"], tmp_path / "site")
    assert "odd \\ud800 name" in (tmp_path / "site/index.html").read_text(encoding="utf-8")
    said = json.loads((tmp_path / "site/leaderboard.json").read_text(encoding="utf-8"))
    assert said["panels"][0]["rows"][0]["agent"]["name"] == "odd \ud800 name"


def test_an_entry_that_is_gone_leaves_no_page(tmp_path: Path) -> None:
    place = results(tmp_path / "results")
    build([place], tmp_path / "site")
    build([place / "weak"], tmp_path / "site")
    assert len(list((tmp_path / "site/entries").iterdir())) == 1


def test_a_site_can_be_built_again_from_the_results_in_it(tmp_path: Path) -> None:
    build([results(tmp_path / "results")], tmp_path / "site", attach=True)
    before = files(tmp_path / "site/results")
    build([tmp_path / "site/results"], tmp_path / "site", attach=True)
    assert files(tmp_path / "site/results") == before
    for folder in (tmp_path / "site/results").iterdir():
        assert read_result(folder).id.startswith(folder.name)


def test_a_folder_of_something_else_is_not_touched(tmp_path: Path) -> None:
    place = results(tmp_path / "results")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/index.html").write_text("my thesis", encoding="utf-8")
    with pytest.raises(ConfigError, match="something else than a board"):
        build([place], tmp_path / "thesis")
    assert files(tmp_path / "thesis") == {"index.html": b"my thesis"}


def test_cells_carry_what_their_column_sorts_by(site: Path) -> None:
    html = (site / "index.html").read_text(encoding="utf-8")
    keys = re.findall(r'class="success" data-key="([^"]+)"', html)
    assert [round(float(key), 3) for key in keys] == [0.833, 0.8, 0.167]


def test_an_empty_board_is_a_page(tmp_path: Path) -> None:
    place = make(tmp_path / "broken", STRONG)
    (place / "result.json").write_text("{}", encoding="utf-8")
    assert build([place], tmp_path / "site").panels == []
    assert "There is no result to show." in (tmp_path / "site/index.html").read_text(encoding="utf-8")


def test_many_panels_open_with_a_line_for_each_that_says_every_entry(tmp_path: Path) -> None:
    for number in range(MANY + 1):
        panel = replace(halls(40 + number), name=f"halls-{number}")
        place = tmp_path / "results" / str(number)
        make(place / "chance", [True] * (40 + number), panel)
        make(place / "clone", [False] * (40 + number), panel, model=MODEL, agent=agent("chat"))
    build([tmp_path / "results"], tmp_path / "site")
    html = (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    assert html.count('<circle class="ring" cx="208.0"') == MANY + 1
    assert html.count('<circle class="dot" cx="8.0"') == MANY + 1
    assert 'aria-label="random 1, chat' in html
    build([tmp_path / "results" / "0"], tmp_path / "one")
    assert "at a glance" not in (tmp_path / "one" / "index.html").read_text(encoding="utf-8")
