"""Recompute recorded outputs of the original WebShop engine with ours.

The record holds, of one set of products: what each costs and the nouns of its title, goals, rewards of purchases,
fuzzy scores, colours, searches, and episodes page by page. The products themselves are in a folder of WebShop's
files.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from turngym.benchmarks.agreement import Row
from turngym.envs.webshop.colours import colour_in
from turngym.envs.webshop.fuzzy import token_set_ratio
from turngym.envs.webshop.goals import Goal
from turngym.envs.webshop.originals import Left, checked, found
from turngym.envs.webshop.reward import judge
from turngym.envs.webshop.session import Session, Shop
from turngym.envs.webshop.store import Catalogue

Record = Mapping[str, Any]

EXACT = 1e-9
SCORES = 2e-4
"""Relative: the scores are in single precision, and recorded with four decimals."""

OVERLAP = 0.998
"""Share of the ten best search results that must be the same, on average."""

KINDS = {"goals": "synthetic", "goals_human": "human"}
"""Our names of the lists of goals that rewards and walks name."""


class Seen(NamedTuple):
    """One output against its record."""

    kind: str
    error: float
    """Absolute or relative; of words and flags 1 where they differ."""
    where: str


def check_webshop(record: Record, data: Path) -> list[Row]:
    """One row per kind of output; `data` is the folder of the products.

    Raises `UserError` for a folder without them, `KeyError` for a record that is not complete.
    """
    shop = Shop(_catalogue(record["products"], data))
    exact = [*_prices(record, shop), *_goals(record, shop), *_rewards(record, shop), *_phrases(record)]
    walked = [seen for walk in record["walks"] for seen in _walk(walk, shop)]
    searched = [seen for search in record["search"] for seen in _search(search, shop)]
    rows = _rows([*exact, *walked], EXACT) + _rows(searched, SCORES)
    return [*rows, _overlap(record["search"], shop)]


def _catalogue(products: Mapping[str, Any], data: Path) -> Catalogue:
    """The products of the folder with the recorded nouns."""
    read = (line.product for line in checked(found([data]), Left()))
    return Catalogue.of(replace(product, nouns=tuple(products[product.asin]["nouns"])) for product in read)


def _prices(record: Record, shop: Shop) -> Iterator[Seen]:
    for row, product in enumerate(shop.catalogue.products):
        recorded = record["products"][product.asin]["price"]
        yield _near("product price", shop.catalogue.price(row), recorded, product.asin)


def _goals(record: Record, shop: Shop) -> Iterator[Seen]:
    synthetic, human = (shop.catalogue.goals[kind] for kind in KINDS.values())
    counts = {"synthetic": len(synthetic), "human": len(human)}
    for name, count in record["n_goals"].items():
        yield _same("number of goals", counts[name], count, name)
    for place, (ours, theirs) in enumerate(zip(synthetic, record["all_goals_digest"], strict=False)):
        yield _same("goal digest", _digest(ours), theirs, f"goal {place}")
    for place, told in record["goals"].items():
        yield _same("synthetic goal", *_both(synthetic[int(place)], told), f"goal {place}")
    for place, told in enumerate(record["goals_human"]):
        yield _same("human goal", *_both(human[place], told), f"human goal {place}")


def _digest(goal: Goal) -> list[Any]:
    return [goal.product.asin, goal.price_upper, len(goal.options)]


def _both(ours: Goal, theirs: Record) -> tuple[object, object]:
    """A goal and its record, as far as the record tells."""
    product = ours.product
    options: Any = (
        [*ours.options] if isinstance(theirs["goal_options"], list) else dict(map(_pair, ours.options))
    )
    told = {
        "asin": product.asin,
        "category": product.category,
        "query": product.query,
        "name": product.title,
        "product_category": product.product_category,
        "instruction_text": ours.instruction,
        "attributes": [*ours.attributes],
        "price_upper": ours.price_upper,
        "goal_options": options,
    }
    return told, {name: value for name, value in theirs.items() if name in told}


def _pair(wish: object) -> tuple[str, str]:
    return wish if isinstance(wish, tuple) else ("", str(wish))


def _rewards(record: Record, shop: Shop) -> Iterator[Seen]:
    for place, case in enumerate(record["rewards"]):
        goal, row = _goal(case, shop), shop.catalogue.row(case["asin"])
        bought = judge(shop.catalogue.products[row], shop.catalogue.price(row), case["options"], goal)
        where = f"reward {place}"
        for name, ours in bought.parts().items():
            if name in case or ours:
                yield _near(name, ours, case.get(name, 0.0), where)
        yield _near("title_score", bought.kind.title_score, case["title_score"], where)
        yield _same("query_match", bought.kind.query_match, case["query_match"], where)
        yield _same("category_match", bought.kind.category_match, case["category_match"], where)


def _phrases(record: Record) -> Iterator[Seen]:
    for one, other, ratio in record["token_set_ratio"]:
        yield _same("token-set ratio", token_set_ratio(one, other), ratio, f"{one!r} and {other!r}")
    for option, colour in record["normalize_color"]:
        yield _same("colour", colour_in(option) or option, colour, repr(option))


def _walk(walk: Record, shop: Shop) -> Iterator[Seen]:
    """An episode, every page of it."""
    session = shop.start(_goal(walk, shop))
    for turn, step in enumerate(walk["steps"]):
        if step["action"] is not None:
            session = shop.act(session, step["action"])
        where = f"{walk['goals']} {walk['goal']}, turn {turn}"
        yield _same("page as text", session.page.text, step["text"], where)
        yield _same("page as text_rich", session.page.text_rich, step["text_rich"], where)
        yield _same("available actions", _available(session), step["actions"], where)
        yield _near(
            "reward of a turn", session.purchase.reward if session.purchase else 0, step["reward"], where
        )
        yield _same("end of the episode", session.done, step["done"], where)


def _available(session: Session) -> dict[str, Any]:
    return {"has_search_bar": session.page.has_search_bar, "clickables": [*session.page.labels]}


def _goal(case: Record, shop: Shop) -> Goal:
    return shop.catalogue.goals[KINDS[case["goals"]]][case["goal"]]


def _search(case: Record, shop: Shop) -> Iterator[Seen]:
    products, where = shop.catalogue.products, f"query {case['query']!r}"
    results = shop.catalogue.index.search(case["query"])
    yield _same("search results", len(results), case["total"], where)
    if case["top"]:
        first = products[results[0][0]].asin if results else None
        yield _same("first search result", first, case["top"][0][0], where)
    scores = {products[row].asin: score for row, score in results}
    for asin, score in case["top"]:
        if asin in scores:
            yield Seen("search score", abs(scores[asin] - score) / abs(score), f"{where}, {asin}")


def _overlap(cases: Iterable[Record], shop: Shop) -> Row:
    """The mean share of the recorded ten best results that are among our ten; a miss where it is too low."""
    shares = [_share(case, shop) for case in cases if case["top"]]
    mean = sum(shares) / max(1, len(shares))
    return Row(
        kind="ten best results",
        cases=len(shares),
        largest_relative_error=1 - min(shares, default=1.0),
        mismatches=sum(share < 1 for share in shares) if mean < OVERLAP else 0,
        note=f"overlap {mean:.4f}, at least {OVERLAP} wanted",
    )


def _share(case: Record, shop: Shop) -> float:
    theirs = [asin for asin, _ in case["top"]][:10]
    ours = {shop.catalogue.products[row].asin for row in shop.catalogue.search(case["query"])[:10]}
    return len(ours & {*theirs}) / len(theirs)


def _near(kind: str, ours: float | None, theirs: float, where: str) -> Seen:
    error = float("inf") if ours is None else abs(ours - theirs)
    return Seen(kind, error, f"{where}: {ours!r} instead of {theirs!r}")


def _same(kind: str, ours: object, theirs: object, where: str) -> Seen:
    return Seen(kind, float(ours != theirs), f"{where}: {ours!r} instead of {theirs!r}")


def _rows(outputs: Sequence[Seen], tolerance: float) -> list[Row]:
    """A row per kind, in the order in which the kinds first appear."""
    kinds: dict[str, list[Seen]] = {}
    for seen in outputs:
        kinds.setdefault(seen.kind, []).append(seen)
    return [_row(kind, seen, tolerance) for kind, seen in kinds.items()]


def _row(kind: str, outputs: Sequence[Seen], tolerance: float) -> Row:
    missed = [seen for seen in outputs if not seen.error <= tolerance]  # catches NaN too
    return Row(
        kind=kind,
        cases=len(outputs),
        largest_relative_error=max(seen.error for seen in outputs),
        mismatches=len(missed),
        example=missed[0].where if missed else "",
    )
