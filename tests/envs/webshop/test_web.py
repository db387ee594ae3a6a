from __future__ import annotations

import http.client
import random
import socket
import urllib.error
import urllib.request
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from urllib.parse import urlencode, urlsplit

import pytest

from turngym.core.errors import PrerequisiteError, UserError
from turngym.envs.webshop import generator
from turngym.envs.webshop.data import generate
from turngym.envs.webshop.env import WebShop
from turngym.envs.webshop.products import parse
from turngym.envs.webshop.session import Shop
from turngym.envs.webshop.store import Catalogue, catalogue
from turngym.envs.webshop.visits import ShopFull, Visits

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
pytest.importorskip("jinja2")

from turngym.envs import serving as ports
from turngym.envs.webshop import forms, web


def parts(page):
    """The texts of a page's `main`, and the names of its elements."""
    found, tags, inside = [], [], []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, _: (tags if inside else inside if tag == "main" else []).append(tag)
    parser.handle_endtag = lambda tag: inside.clear() if tag == "main" else None
    parser.handle_data = lambda text: found.append(text.strip()) if inside and text.strip() else None
    parser.feed(page)
    return found, tags


def texts(page):
    return parts(page)[0]


def said(session):
    return [text for text in session.page.text.split(" [SEP] ") if text.strip()]


def get(url, **headers):
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=20) as answer:
        return answer.url, answer.read().decode()


def post(url, **fields):
    with urllib.request.urlopen(url, urlencode(fields).encode(), timeout=20) as answer:
        return answer.url, answer.read().decode()


def turn(url, number, action):
    """The page after a turn in the shop; a search is typed into the box."""
    name, _, argument = action.partition("[")
    typed = {"action": "search", "words": argument[:-1]} if name == "search" else {"action": action}
    return post(url, turn=number, **typed)[1]


def refused(status, request):
    with pytest.raises(urllib.error.HTTPError) as raised:
        request()
    assert raised.value.code == status
    page = raised.value.read().decode()
    return (texts(page) or [page])[0]


@pytest.fixture(scope="module")
def shop():
    with web.serving(port=0) as url:
        yield url


def served(shop, **options):
    """The catalogue's shop at a port of its own, all of its goals being tasks."""
    tasks = shop.tasks("synthetic", "train", "goal")
    visits = options.pop("visits", Visits(10, 60))
    return ports.running(web.app(shop, tasks, visits=visits, **options), "127.0.0.1", 0, limit=100)


# The same episodes


@pytest.mark.parametrize("seed", range(4))
def test_a_random_walk_shows_the_pages_and_the_score_of_the_text_engine(shop, seed):
    chance, engine = random.Random(seed), Shop(catalogue(None))
    goal = engine.catalogue.tasks("synthetic", "train", "goal").goal(seed)
    url, page = get(f"{shop}/task/{goal.id}")
    session = engine.start(goal)
    for number in range(40):
        assert texts(page) == said(session)
        assert get(f"{url}?view=text")[1] == session.page.text
        assert get(f"{url}?view=rich")[1] == session.page.text_rich
        if session.done:
            assert str(session.purchase.reward) in texts(page)
            break
        words = " ".join(chance.sample(goal.instruction.split(), 3)).translate(str.maketrans("[]", "  "))
        labels = [label for label in session.page.labels if label not in ("search", "buy now") or number > 30]
        search = session.at == "index" or not labels or chance.random() < 0.1
        action = f"search[{words}]" if search else f"click[{chance.choice(labels)}]"
        session = engine.act(session, action)
        page = turn(url, number, action)


def test_the_experts_actions_buy_the_goal_product_at_score_one(shop):
    env = WebShop(expert=True)
    for task in range(5):
        _, info = env.reset(options={"task": task})
        url, page = get(f"{shop}/task/{task}")
        number, done = 0, False
        while not done:
            action = info["expert"]
            page = turn(url, number, action)
            _, _, done, _, info = env.step(action)
            number += 1
        assert info["score"] == 1.0
        assert "1.0" in texts(page)


def test_every_page_shows_the_instruction(shop):
    url, page = get(f"{shop}/task/0")
    goal = catalogue(None).tasks("synthetic", "train", "goal").goal(0)
    steps = ["search[women]", "click[next >]", f"search[{goal.product.title}]"]
    steps += [f"click[{goal.product.asin.lower()}]", "click[features]", "click[< prev]", "click[buy now]"]
    for number, action in enumerate(steps):
        page = turn(url, number, action)
        assert goal.instruction in unescape(page)


def test_a_page_that_was_left_does_not_act_again(shop):
    url, _ = get(f"{shop}/task/1")
    first = turn(url, 0, "search[shoes]")
    assert "Page 1" in first
    again = turn(url, 0, "click[back to search]")
    assert texts(again) == texts(first)
    assert "That page was left since" in again


def test_brackets_in_a_search_are_blanks(shop):
    url, _ = get(f"{shop}/task/1")
    assert texts(turn(url, 0, "search[a] shoes [b]"))[3].startswith("Page 1")


def test_what_the_page_does_not_offer_changes_nothing(shop):
    url, page = get(f"{shop}/task/1")
    for number, action in enumerate(["click[buy now]", "nonsense", "", "click[\U0001f600]", "search[]"]):
        assert texts(turn(url, number, action)) == texts(page)


def test_a_task_has_an_address_by_id_and_by_index_and_may_be_started_from_the_entrance(shop):
    goal = catalogue(None).tasks("synthetic", "train", "goal").goal(2)
    pages = [get(f"{shop}/task/2"), get(f"{shop}/task/{goal.id}"), post(f"{shop}/start", task=goal.id)]
    assert all(goal.instruction in texts(page) for _, page in pages)
    assert len({url for url, _ in pages}) == 3
    assert "Instruction:" in texts(post(f"{shop}/start")[1])


# Safe against what is shown and what is sent


EVIL = "<script>alert(1)</script> \"'><img src=x onerror=alert(2)> & {{ 7*7 }}"


def test_what_a_product_says_is_never_markup():
    made = generator.entry(1)
    product = parse(made.product, made.attributes, made.human, made.nouns)
    evil = replace(
        product,
        title=EVIL,
        description=EVIL,
        bullets=(EVIL,),
        options={EVIL: ("red", EVIL.lower())},
        instruction=EVIL,
    )
    shop = Catalogue.of([evil, *(parse(one.product, one.attributes) for one in generator.entries(40, 1))])
    with served(shop) as url:
        where, page = get(f"{url}/task/0")
        session = Shop(shop).start(shop.tasks("synthetic", "train", "goal").goal(0))
        asin = evil.asin.lower()
        steps = ["search[script alert]", f"click[{asin}]", f"click[{EVIL.lower()}]", "click[description]"]
        steps += ["click[< prev]", "click[features]", "click[< prev]", "click[buy now]"]
        for number, action in enumerate(steps):
            session = Shop(shop).act(session, action)
            page = turn(where, number, action)
            assert not {"script", "img"} & {*parts(page)[1]}
            assert texts(page) == said(session)
        assert session.done


def test_no_page_may_load_or_be_framed_by_anything_else(shop):
    with urllib.request.urlopen(shop, timeout=20) as answer:
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


def test_unknown_addresses_are_answered_in_a_sentence(shop):
    assert "no task 'nothing'" in refused(404, lambda: get(f"{shop}/task/nothing"))
    assert "no task" in refused(404, lambda: get(f"{shop}/task/99999999999999999999"))
    assert refused(404, lambda: get(f"{shop}/visit/nobody")) == (
        "This visit is over or never was: start another one."
    )
    assert refused(404, lambda: post(f"{shop}/visit/nobody", turn=0)).startswith("This visit")
    assert refused(404, lambda: get(f"{shop}/etc/passwd")) == "There is no such page in this shop."


def test_too_much_is_refused_and_the_visit_goes_on(shop):
    url, page = get(f"{shop}/task/3")
    assert "limit of 16384 bytes" in refused(413, lambda: post(url, turn=0, action="x" * 1_000_000))
    assert "more fields" in refused(400, lambda: post(url, **{f"field{n}": n for n in range(100)}))
    assert texts(get(url)[1]) == texts(page)


@pytest.mark.parametrize(
    "request_",
    [
        b"junk\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: [\r\n\r\n",
        b"GET /visit/%00%ff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET //evil.example/%2e%2e/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /start HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\n%\xff=",
        b"DELETE /task/0 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /?token=%ed%a0%80 HTTP/1.1\r\nHost: localhost\r\nCookie: turngym_token=\xe9\r\n\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\n\r\n",
    ],
    ids=lambda request: repr(request[:30]),
)
def test_junk_is_answered_without_a_fault_of_the_shop(shop, request_):
    address = urlsplit(shop).hostname, urlsplit(shop).port
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(request_)
        status = connection.recv(12).partition(b" ")[2]
    assert status[:1] in (b"2", b"3", b"4")
    assert "Find it" in get(shop)[1]


def test_who_stalls_is_shown_out_and_disturbs_nobody(monkeypatch):
    monkeypatch.setattr(forms, "PATIENCE", 0.3)
    monkeypatch.setattr(ports, "HANDSHAKE", 0.3)
    with web.serving(port=0) as url:
        address = urlsplit(url).hostname, urlsplit(url).port
        silent = [socket.create_connection(address, timeout=10) for _ in range(20)]
        slow = http.client.HTTPConnection(*address, timeout=10)
        slow.putrequest("POST", "/start")
        slow.putheader("Content-Length", "1000")
        slow.endheaders(b"task=")
        assert "Find it" in get(url)[1]
        assert slow.getresponse().status == 408
        assert [one.recv(1) for one in silent] == [b""] * 20


def test_where_all_places_are_taken_the_next_is_told_and_the_others_play_on():
    with served(catalogue(None), visits=Visits(2, 60)) as url:
        first, second = get(f"{url}/task/0")[0], get(f"{url}/task/1")[0]
        assert "All 2 places in the shop are taken" in refused(503, lambda: get(f"{url}/task/2"))
        assert "Page 1" in turn(first, 0, "search[shoes]")
        assert "Page 1" in turn(second, 0, "search[shoes]")


def test_a_shop_with_a_token_lets_in_who_shows_it():
    with served(catalogue(None), token="open sesame") as url:
        assert "asks for a token" in refused(401, lambda: get(url))
        refused(401, lambda: get(f"{url}/?token=wrong"))
        assert "Find it" in get(url, Authorization="Bearer open sesame")[1]
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
        connection.request("GET", "//other.invalid/?token=open+sesame")
        assert connection.getresponse().headers["Location"] == "/other.invalid/"
        with_cookies = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        answer = with_cookies.open(f"{url}/?token=open+sesame", timeout=20)
        assert "token" not in answer.url
        assert "Find it" in with_cookies.open(f"{url}/", timeout=20).read().decode()


def test_a_shop_that_others_can_reach_needs_a_token():
    with pytest.raises(PrerequisiteError, match="give a token"), web.serving("0.0.0.0", 0):
        pass


def test_another_name_for_this_machine_is_not_answered(shop):
    """A page of another site cannot point its own name at the shop (DNS rebinding)."""
    refused(421, lambda: get(shop, Host="evil.example"))


def test_a_split_without_goals_is_named(tmp_path):
    generate(1, 0, tmp_path / "one")
    with pytest.raises(UserError, match="no human goals"), web.serving(data=tmp_path / "one", goals="human"):
        pass


def test_a_port_that_is_taken_is_named(shop):
    with pytest.raises(PrerequisiteError, match="choose another port"), web.serving(port=urlsplit(shop).port):
        pass


# Visits


def visit(visits):
    engine = Shop(catalogue(None))
    return visits.begin(engine.start(engine.catalogue.goals["synthetic"][0]))


def test_the_id_of_a_visit_cannot_be_guessed():
    ids = {visit(Visits(1, 60)) for _ in range(100)}
    assert len(ids) == 100
    assert min(map(len, ids)) >= 22


def test_a_visit_that_nobody_looks_at_ends():
    now = [0.0]
    visits = Visits(2, 60, clock=lambda: now[0])
    old, young = visit(visits), visit(visits)
    now[0] = 50
    assert visits.find(young)
    now[0] = 61
    assert visits.find(old) is None
    assert visits.find(young)
    assert len(visits) == 1


def test_a_finished_visit_makes_room_and_one_under_way_does_not():
    visits = Visits(2, 60)
    bought, underway = visit(visits), visit(visits)
    found, engine = visits.find(bought), Shop(catalogue(None))
    asin = engine.catalogue.products[0].asin
    for action in (f"search[{engine.catalogue.products[0].title}]", f"click[{asin}]", "click[buy now]"):
        found.session = engine.act(found.session, action)
    assert found.session.done
    new = visit(visits)
    assert visits.find(bought) is None
    assert visits.find(underway)
    assert visits.find(new)
    with pytest.raises(ShopFull):
        visit(visits)
