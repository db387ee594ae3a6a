"""`turngym/SearchQA-v0`: questions whose answers are found by searching and reading, turn by turn."""

from __future__ import annotations

import os
import re
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

from turngym.core.types import Info
from turngym.envs.base import Step, TextEnv
from turngym.envs.draw import Draw
from turngym.envs.samples import Samples, words
from turngym.envs.searchqa.answers import exact_match, f1
from turngym.envs.searchqa.corpus import Corpus, Question
from turngym.envs.searchqa.encyclopedia import make_corpus
from turngym.envs.searchqa.expert import missing_fact, next_search
from turngym.envs.searchqa.hotpot import load_hotpot
from turngym.envs.tasks import check_split, chosen, one_of

SHOWN, REWARDS, STATES = ("snippet", "passage"), ("f1", "em"), ("screen", "known")

GRAMMAR = (
    "search[words], read[title of a page], next, or answer[a few words]; next goes on with what is shown"
)

LINE = 200
"""Characters of a snippet."""

_ACTION = re.compile(r"\s*(search|read|answer)\s*\[(.*)\]\s*", re.DOTALL | re.IGNORECASE)


class Screen(NamedTuple):
    """What the player looks at."""

    kind: str
    """`start`, `results`, `page` or `end`."""
    titles: tuple[str, ...] = ()
    """All that were found, or the one that is open."""
    first: int = 0
    """Index of the first result or sentence shown."""


class SearchQA(TextEnv):
    """Answer questions by searching a collection of pages with BM25: a generated encyclopedia or a HotpotQA file.

    The seed of `reset` draws the question, or `options={"task": id or index}` names it. `search[words]` lists pages,
    `read[title]` opens one, `next` goes on with what is shown, `answer[text]` ends the episode.

    Args:
        data: a file in HotpotQA's form, whose questions are played over all its passages; the encyclopedia if `None`.
        corpus_seed: which encyclopedia; each has 482 pages of its own and 640 questions.
        split: `train`, `test`, or `all` of a file.
        results: pages a screen of results lists.
        show: `snippet` lists a page's first sentence, `passage` all of it, as Search-R1 does.
        sentences: how many of a page `read` and `next` show at once.
        reward: `f1` or `em` of the answer; every other turn gives 0.
        state: what `info["state"]` tells, by which GiGPO and HGPO compare turns: `screen`, the question and what is
            shown, or `known`, the question and how much of each page has been shown, in no order.
        expert: put the next action of one who finds every fact and then answers into `info["expert"]`.

    `info` also has `grammar`, `admissible` (the pages listed and `next`, once anything is listed), `sample` (these,
    searches and answers), `valid`, `success` (exact match), `score` (F1) and `kind` of question.

    Raises:
        ValueError: an argument that names nothing known, a file that is damaged.
    """

    def __init__(
        self,
        data: str | os.PathLike[str] | None = None,
        corpus_seed: int = 0,
        split: str = "train",
        results: int = 5,
        show: str = "snippet",
        sentences: int = 5,
        reward: str = "f1",
        state: str = "screen",
        expert: bool = False,
    ) -> None:
        self.corpus: Corpus = make_corpus(corpus_seed) if data is None else load_hotpot(data)
        self.questions = self.corpus.splits[check_split(split, self.corpus.splits)]
        self._ids = tuple(question.id for question in self.questions)
        if not self.questions:
            raise ValueError(f"{self.corpus.name} has no question in the split {split!r}; choose 'all'")
        self.results, self.sentences = _positive("results", results), _positive("sentences", sentences)
        self.show = one_of("show", show, SHOWN)
        self.reward = one_of("reward", reward, REWARDS)
        self.state = one_of("state", state, STATES)
        self.expert = expert
        self._ask(self.questions[0])

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        """Ask the question; nothing is shown yet."""
        super().reset(seed=seed)
        self._ask(self.questions[chosen(options, self._ids, self.np_random)])
        pages = f"A collection of {len(self.corpus.passages)} pages can be searched and read."
        task = f"Your task is to: answer a question in as few words as possible. {self.question.text}"
        self._heard, self._samples = f"{pages}\n\n{task}", Samples(int(self.np_random.integers(2**32)))
        return self._heard, self._info(valid=True)

    def step(self, action: str) -> Step:
        """Search, read, go on or answer. Any other text changes nothing."""
        if self.answer is not None:
            return "The question is answered.", 0.0, True, False, self._info(valid=False)
        form = _ACTION.fullmatch(action)
        command, text = (form[1].lower(), form[2].strip()) if form else (action.strip().lower(), "")
        if command == "answer" and text:
            return self._answer(text)
        obs = self._look(command, text)
        self._heard = obs or self._refusal(command, text)
        return self._heard, 0.0, False, False, self._info(valid=obs is not None)

    def _ask(self, question: Question) -> None:
        self.question = question
        self.screen = Screen("start")
        self.answer: str | None = None
        self._seen: dict[str, int] = {}  # how many sentences of each page have been shown

    def _answer(self, text: str) -> Step:
        self.answer, self.screen = text, Screen("end")
        info = self._info(valid=True)
        reward = info["score"] if self.reward == "f1" else float(info["success"])
        return f"You answered: {text[:LINE]}", reward, True, False, info

    def _look(self, command: str, text: str) -> str | None:
        """What the command shows; `None` where it is none or cannot be done."""
        if command == "search" and text:
            return self._list(Screen("results", tuple(self.corpus.library.search(text))))
        if command == "read" and (title := self.corpus.library.find(text)):
            return self._open(Screen("page", (title,)))
        if command == "next" and self._more():
            return self._go_on()
        return None

    def _refusal(self, command: str, text: str) -> str:
        if command == "read" and text:
            like = ", ".join(f"read[{title}]" for title in self.corpus.library.search(text, 3))
            return f"There is no page of that title.{f' There are {like}.' if like else ''}"
        if command == "next":
            return "There is no more to show."
        return f"That is no action. Write {GRAMMAR}."

    def _go_on(self) -> str:
        if self.screen.kind == "page":
            return self._open(self.screen._replace(first=self.screen.first + self.sentences))
        return self._list(self.screen._replace(first=self.screen.first + self.results))

    def _more(self) -> bool:
        """Whether `next` has anything to show."""
        if self.screen.kind == "page":
            return self.screen.first + self.sentences < len(self.corpus.passages[self.screen.titles[0]])
        return self.screen.first + self.results < len(self.screen.titles)

    def _list(self, screen: Screen) -> str:
        self.screen = screen
        if not screen.titles:
            return "Nothing was found."
        lines = [
            f"{rank}. {title}: {self._line(title)}"
            for rank, title in enumerate(self._listed(), screen.first + 1)
        ]
        return "\n".join([*lines, *["(next lists more)"] * self._more()])

    def _listed(self) -> tuple[str, ...]:
        if self.screen.kind != "results":
            return ()
        return self.screen.titles[self.screen.first : self.screen.first + self.results]

    def _line(self, title: str) -> str:
        sentences = self.corpus.passages[title]
        if self.show == "passage":
            self._saw(title, len(sentences))
            return _joined(sentences)
        first = sentences[0].strip()
        if len(first) > LINE:
            return f"{first[:LINE]}..."
        self._saw(title, 1)
        return first

    def _open(self, screen: Screen) -> str:
        self.screen = screen
        (title,), end = screen.titles, screen.first + self.sentences
        self._saw(title, end)
        shown = _joined(self.corpus.passages[title][screen.first : end])
        return f"{title}\n{shown}" + ("\n(next shows more of it)" if self._more() else "")

    def _saw(self, title: str, count: int) -> None:
        self._seen[title] = max(count, self._seen.get(title, 0))

    def _info(self, valid: bool) -> Info:
        given, accepted = self.answer is not None, self.question.answers
        info: Info = {
            "state": self._fingerprint(),
            "grammar": GRAMMAR,
            "valid": valid,
            "success": given and exact_match(self.answer or "", accepted),
            "score": f1(self.answer or "", accepted) if given else 0.0,
            "kind": self.question.kind,
        }
        listed = [f"read[{title}]" for title in self._listed()] + ["next"] * self._more()
        if listed:
            info["admissible"] = listed
        info["sample"] = self._samples(lambda draw: self._drawn(draw, listed))
        if self.expert and self.answer is None:
            info["expert"] = self._advice()
        return info

    def _drawn(self, draw: Draw, listed: Sequence[str]) -> str:
        """A search or an answer with two words that are on the screen, or one of the actions listed."""
        seen = " ".join(draw.some(words(self._heard), 2))
        return draw.one([*listed, f"search[{seen}]", f"answer[{seen}]"])

    def _fingerprint(self) -> Hashable:
        if self.state == "screen":
            return (
                self.question.id,
                self.screen.kind,
                self._listed() or self.screen.titles,
                self.screen.first,
            )
        return (self.question.id, self.screen.kind == "end", *sorted(self._seen.items()))

    def _advice(self) -> str:
        fact = missing_fact(self.question, self._seen)
        if fact is None:
            return f"answer[{self.question.answers[0]}]"
        if self.screen.kind == "page" and self.screen.titles == (fact.title,):
            return "next"
        if fact.title in self._listed():
            return f"read[{fact.title}]"
        query = next_search(self.corpus, fact, self.results)
        return f"search[{query}]" if query else f"read[{fact.title}]"


def _joined(sentences: tuple[str, ...]) -> str:
    return " ".join(sentence.strip() for sentence in sentences)


def _positive(name: str, value: int) -> int:
    if value >= 1:
        return value
    raise ValueError(f"{name}={value}: choose a whole number of 1 or more")
