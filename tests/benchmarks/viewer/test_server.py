"""The viewer over HTTP: who is answered, and how."""

from __future__ import annotations

import json
import threading
from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest
from tests.benchmarks.viewer.episodes import WALKS, training, write

from turngym.benchmarks.viewer.library import Library
from turngym.benchmarks.viewer.server import STATIC, serving
from turngym.core.errors import PrerequisiteError


@pytest.fixture
def folder(tmp_path):
    return training(tmp_path / "run")


@pytest.fixture
def url(folder):
    with serving(Library([folder])) as url:
        yield url


def ask(url, path, **headers):
    """Status, headers and body of an answer."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request("GET", path, headers={key.replace("_", "-"): value for key, value in headers.items()})
    response = connection.getresponse()
    body = response.read()
    connection.close()
    return response.status, response.headers, body


def test_the_page_and_its_files_are_served_under_a_strict_policy(url):
    files = ["/", *(f"/static/{path.name}" for path in STATIC.iterdir())]
    assert len(files) > 10
    for path in files:
        status, headers, body = ask(url, path)
        policy = headers["Content-Security-Policy"]
        assert (status, bool(body)) == (200, True)
        assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_questions_are_answered_in_json(url, folder):
    status, headers, body = ask(url, "/api/episode?run=0&number=2")
    assert (status, headers["Content-Type"]) == (200, "application/json")
    assert json.loads(body) == json.loads(json.dumps(Library([folder]).episode(0, 2)))
    _, _, body = ask(url, "/api/credit?run=0&number=0&method=grpo&method=hgpo")
    assert [each["method"] for each in json.loads(body)["methods"]] == ["grpo", "hgpo"]
    _, _, body = ask(url, "/api/search?run=0&text=BURNT")
    assert json.loads(body) == {"found": [3]}


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/nothing", 404),
        ("/api/rows?run=7", 404),
        ("/api/episode?run=0&number=99", 404),
        ("/api/episode?run=0", 400),
        ("/api/episode?run=zero&number=0", 400),
        ("/api/text?run=0&number=0&path=turns.9.obs", 404),
    ],
)
def test_a_wrong_question_is_answered_with_a_sentence(url, path, status):
    got, _, body = ask(url, path)
    assert (got, bool(json.loads(body)["error"])) == (status, True)


@pytest.mark.parametrize(
    "path",
    ["/static/../server.py", "/static/%2e%2e/server.py", "/server.py", "/static/", "/static//etc/passwd"],
)
def test_no_other_file_is_served(url, path):
    assert ask(url, path)[0] == 404


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "192.168.0.7", "", "localhost.evil"]
)
def test_a_name_that_was_pointed_at_this_machine_is_refused(url, host):
    for path in ("/", "/api/overview"):
        assert ask(url, path, Host=f"{host}:80")[0] == 403


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "localhost:8123"])
def test_names_of_this_machine_are_known(url, host):
    assert ask(url, "/api/overview", Host=host)[0] == 200


def test_pages_of_other_sites_get_no_answer_but_may_link_here(url):
    assert ask(url, "/api/overview", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors")[0] == 403
    assert ask(url, "/api/overview", Sec_Fetch_Site="same-site", Sec_Fetch_Mode="cors")[0] == 403
    assert ask(url, "/api/overview", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")[0] == 403
    assert ask(url, "/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")[0] == 200
    assert ask(url, "/api/overview", Sec_Fetch_Site="same-origin", Sec_Fetch_Mode="cors")[0] == 200


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.0.7", "example.org", ""])
def test_it_listens_on_no_address_that_others_reach(folder, host):
    with pytest.raises(PrerequisiteError, match="does not listen"), serving(Library([folder]), host):
        pass


def test_a_port_that_is_taken_is_told(folder, url):
    port = urlsplit(url).port
    with pytest.raises(PrerequisiteError, match="choose another port"), serving(Library([folder]), port=port):
        pass


def test_a_run_that_was_replaced_is_told_and_then_read_anew(url, folder):
    write(folder / "episodes.jsonl", WALKS[4:])
    status, _, body = ask(url, "/api/episode?run=0&number=0")
    assert (status, "load the page again" in json.loads(body)["error"]) == (409, True)
    rows = json.loads(ask(url, "/api/rows?run=0&after=5")[2])
    assert (rows["generation"], rows["tasks"]) == (1, ["test?seed=2"])


def test_many_visitors_at_once_are_all_answered(url):
    answers = []
    threads = [
        threading.Thread(target=lambda n=n: answers.append(ask(url, f"/api/episode?run=0&number={n % 5}")[0]))
        for n in range(40)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 40
