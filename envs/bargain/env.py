"""`turngym/Bargain-v0`: talk with somebody who has other goals, and come to an agreement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from turngym.core.types import Info
from turngym.envs.bargain.cards import Line, card_data, card_text, partner_messages, transcript_line
from turngym.envs.bargain.expert import best_plan, write_move
from turngym.envs.bargain.generator import GOOD, KINDS, SPLITS, TURNS, check_kinds, make_task
from turngym.envs.bargain.hooks import Judge, Partner, checked_goal, find_hook
from turngym.envs.bargain.partner import Mind, answer
from turngym.envs.bargain.scenario import Deal, Side
from turngym.envs.bargain.talk import LONGEST, Message, grammar, read_message
from turngym.envs.base import Step, TextEnv
from turngym.envs.tasks import check_split

ROLES = ("first", "second", "either")


class Bargain(TextEnv):
    """Negotiate with a partner whose goals are private: sales, contracts, sharing, chores and trips from a seed.

    The seed of `reset`, or `options={"task": number}` in its place, is the scenario's number: it alone chooses the
    scenario, the partner's persona and the side that is played, out of the split.

    The goal score is 10 for the best deal that the partner could agree to, 0 for none or one no better than none, and
    in proportion between them. The reward is a tenth of it, at the end; success is a goal score of `threshold` or more.

    Args:
        kinds: of `sale`, `contract`, `split`, `chores` and `trip`; all if `None`.
        split: `train` or `test`, which share no scenario.
        role: the side that is played, `first` (seller, hired), `second` (buyer, payer), or `either` by the seed.
        turns: how many the player has; the talk ends without a deal after them. In ten every scenario can be won.
        threshold: goal score, of 10, that counts as success.
        partner: `None` is the script; else a function from chat messages to a turn, or `"module:attribute"`.
        judge: `None` scores by the rule; else a function from transcript and cards to a goal score from 0 to 10, or
            `"module:attribute"`. Where it returns `None`, success and score are `None` and the reward is 0.
        expert: put the next turn of one who knows both cards into `info["expert"]`; for the scripted partner only.

    `info` also has `state`, `grammar`, `admissible` (what can be said without words), `valid`, `success`, `score` and
    `kind`.

    Raises:
        ValueError: an argument out of range or that names nothing known.
    """

    def __init__(
        self,
        kinds: Sequence[str] | None = None,
        split: str = "train",
        role: str = "either",
        turns: int = TURNS,
        threshold: float = GOOD,
        partner: Partner | str | None = None,
        judge: Judge | str | None = None,
        expert: bool = False,
    ) -> None:
        self.kinds = KINDS if kinds is None else tuple(kinds)
        check_kinds(self.kinds)
        if role not in ROLES:
            raise ValueError(f"unknown role {role!r}: choose one of {', '.join(ROLES)}")
        if not (1 <= turns <= 100 and 0 < threshold <= 10):
            raise ValueError(
                f"turns={turns}, threshold={threshold}: choose 1 to 100 turns and a threshold in (0, 10]"
            )
        self.split, self.role = check_split(split, SPLITS), role
        self.turns, self.threshold = turns, threshold
        self.partner: Partner | None = None if partner is None else find_hook(partner)
        self.judge: Judge | None = None if judge is None else find_hook(judge)
        self.expert = expert
        self.goal: float | None
        self._begin(0)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[str, Info]:
        """Meet the partner; the observation holds the player's private card."""
        super().reset(seed=seed)
        own = int(self.np_random.integers(2**31)) if seed is None else seed
        self._begin((options or {}).get("task", own))
        card = card_text(self.scenario, self.task.side, self.turns)
        return f"{self.other.name} is ready to talk.\n\nYour task is to: {card}", self._info(valid=True)

    def step(self, action: str) -> Step:
        """Say something and hear the answer. What is not understood takes no turn and changes nothing."""
        if self.over:
            return "The talk is over.", 0.0, True, False, self._info(valid=False)
        try:
            message = self._understood(action)
        except ValueError as error:
            return f"That is not understood: {error}.", 0.0, False, False, self._info(valid=False)
        self._write("you", self.me, message)
        obs = self._heard(message)
        if self.over:
            self.goal = self._goal_score()
        return obs, (self.goal or 0.0) / 10, self.over, False, self._info(valid=True)

    def _begin(self, number: Any) -> None:
        side = {"first": 0, "second": 1}.get(self.role)
        self.task = make_task(number, kinds=self.kinds, split=self.split, side=side)
        self.scenario, mine = self.task.scenario, self.task.side
        self.me, self.other = self.scenario.sides[mine], self.scenario.sides[1 - mine]
        self.mind = Mind(self.scenario, 1 - mine, self.turns)
        self.transcript: list[Line] = []
        self.offer: Deal | None = None  # the player's last one
        self.deal: Deal | None = None
        self.over = False
        self.goal = None if self.judge else 0.0

    def _understood(self, action: str) -> Message:
        message = read_message(action, self.scenario)
        if message.act == "accept" and self.mind.offer is None:
            raise ValueError("there is no offer to accept")
        return message

    def _heard(self, message: Message) -> str:
        """What becomes of the player's turn: an end, or the partner's answer."""
        if message.act == "accept":
            return self._end(self.mind.offer)
        if message.act == "leave":
            return f"You leave. {self._end(None)}"
        self.offer = message.deal or self.offer
        reply = self._replied(message)
        self._write("partner", self.other, reply)
        said = f'{self.other.name}: "{reply.said}"' if reply.said else f"{self.other.name} says nothing."
        return f"{said}\n{self._outcome(reply)}"

    def _outcome(self, reply: Message) -> str:
        if reply.act == "accept":
            return f"{self.other.name} accepts. {self._end(self.offer)}"
        if reply.act == "leave":
            return f"{self.other.name} leaves. {self._end(None)}"
        if self.mind.turn == self.turns:
            return f"Time is up. {self._end(None)}"
        offer = self.mind.offer
        standing = f"{self.other.name} offers {self.scenario.written(offer)}.\n" if offer else ""
        return f"{standing}Turns left: {self.turns - self.mind.turn}."

    def _end(self, deal: Deal | None) -> str:
        self.deal, self.over = deal, True
        return f"You have a deal: {self.scenario.written(deal)}." if deal else "There is no deal."

    def _replied(self, message: Message) -> Message:
        """The partner's turn, by the script or by the model."""
        if self.partner is None:
            reply, self.mind = answer(self.mind, message)
            return reply
        said = self.partner(partner_messages(self.scenario, self.mind.side, self.turns, self.transcript))
        reply = self._model_turn(said)
        stands = None if reply.act in ("reject", "leave") else reply.deal or self.mind.offer
        self.mind = replace(self.mind, turn=self.mind.turn + 1, offer=stands)
        return reply

    def _model_turn(self, said: str) -> Message:
        """The turn of a model; of one that cannot be read, the words."""
        try:
            reply = read_message(said, self.scenario)
        except ValueError:
            return Message(said[:LONGEST].strip())
        return Message(reply.said) if reply.act == "accept" and self.offer is None else reply

    def _write(self, speaker: str, side: Side, message: Message) -> None:
        self.transcript.append(transcript_line(speaker, side.name, message, self.scenario))

    def _goal_score(self) -> float | None:
        if self.judge is None:
            return self.scenario.goal_score(self.task.side, self.deal)
        cards = card_data(self.scenario, self.task.side)
        return checked_goal(self.judge([dict(line) for line in self.transcript], cards))

    def _info(self, valid: bool) -> Info:
        goal, standing = self.goal, self.mind.offer
        fingerprint = (
            self.task.id,
            self.task.side,
            standing,
            self.offer,
            tuple(sorted(self.mind.heard)),
            self.over,
        )
        info: Info = {
            "state": fingerprint,
            "grammar": grammar(self.scenario),
            "admissible": [] if self.over else ["accept", "leave"] if standing else ["leave"],
            "valid": valid,
            "success": None if goal is None else self.over and goal >= self.threshold,
            "score": None if goal is None else goal / 10,
            "kind": self.scenario.kind,
        }
        if self.expert and self.partner is None and not self.over:
            info["expert"] = write_move(best_plan(self.mind)[0], self.scenario)
        return info
