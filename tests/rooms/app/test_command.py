"""The command line: first set-up, people, the doctor, scoring, and errors that say what to do."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from app.command import main
from app.wiring import open_or_explain
from core.models import Account, Article, Copy, Person


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("WENZHENG_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    runner = CliRunner()
    return lambda *arguments, **more: runner.invoke(main, list(arguments), **more)


def test_a_command_before_init_says_which_command_is_missing(run) -> None:
    done = run("user", "add", "zhang", "--role", "editor")
    assert done.exit_code == 1
    assert "wenzheng init" in done.output


def test_init_may_be_repeated_and_keeps_the_key(run, tmp_path: Path) -> None:
    assert run("init").exit_code == 0
    key = (tmp_path / "master.key").read_bytes()
    assert run("init").exit_code == 0
    assert (tmp_path / "master.key").read_bytes() == key
    assert (tmp_path / "master.key").stat().st_mode & 0o077 == 0


def test_a_new_user_gets_a_random_password_that_must_be_changed(run) -> None:
    run("init")
    first, second = (run("user", "add", name, "--role", "editor").output for name in ("zhang", "liu"))
    assert first.rsplit("：", 1)[1] != second.rsplit("：", 1)[1]
    house = open_or_explain()
    with house.db.read() as session:
        people = session.scalars(select(Person)).all()
        assert [(one.username, one.must_change, set(one.roles)) for one in people] == [
            ("zhang", True, {"editor"}),
            ("liu", True, {"editor"}),
        ]
        assert all(one.password_hash.startswith("$argon2id$") for one in people)
    house.close()


def test_a_taken_user_name_is_refused_in_chinese(run) -> None:
    run("init")
    run("user", "add", "zhang", "--role", "editor")
    done = run("user", "add", "zhang", "--role", "editor")
    assert done.exit_code == 1
    assert "这个用户名已经有人用了" in done.output


def test_scoring_reads_and_writes_json_lines_and_gives_no_opinion_without_text(run) -> None:
    lines = [{"id": 1, "text": "服务很好，谢谢"}, {"id": 2, "text": ""}]
    done = run("score", input="\n".join(json.dumps(line) for line in lines))
    rows = [json.loads(line) for line in done.output.splitlines()]
    assert [row["id"] for row in rows] == [1, 2]
    assert 0 < rows[0]["value"] < 1
    assert rows[1]["label"] == "no_text"
    assert rows[1]["value"] is None


def test_the_doctor_names_what_is_missing_and_fails(run) -> None:
    run("init")
    done = run("doctor")
    assert done.exit_code == 1
    assert "还没有渠道账号" in done.output
    assert "正常  密钥" in done.output


def test_a_brief_of_a_malformed_day_names_the_option_and_the_form(run) -> None:
    run("init")
    done = run("brief", "--day", "23.11.2026")
    assert done.exit_code == 2
    assert "--day" in done.output
    assert "2026-11-23" in done.output


def test_a_brief_of_an_empty_day_reads_sensibly(run) -> None:
    run("init")
    done = run("brief", "--day", "2026-01-05")
    assert done.exit_code == 0
    assert "2026年1月5日" in done.output


def test_a_line_that_cannot_be_scored_is_named(run) -> None:
    done = run("score", input='{"id": 1, "text": "好"}\n不是 JSON\n')
    assert done.exit_code == 1
    assert "第 2 行" in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("WENZHENG_LEASE_S", "很久", "应为数字"),
        ("WENZHENG_LOG_RETENTION_DAYS", "30", "不得小于 365"),
        ("WENZHENG_WEB_BIND", "8000", "地址:端口"),
        ("WENZHENG_SITE_URL", "www.example.gov.cn", "https://"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value_and_the_fix(run, monkeypatch, name, value, told) -> None:
    monkeypatch.setenv(name, value)
    done = run("init")
    assert done.exit_code == 1
    assert name in done.output
    assert value in done.output
    assert told in done.output


def test_the_doctor_of_a_bare_machine_says_what_to_run(run) -> None:
    done = run("doctor")
    assert done.exit_code == 1
    assert "还没有密钥" in done.output
    assert "Errno" not in done.output


HEAD = "original\tmid\tparent\ttime\ttext\tauthor_hash\n"


def packed(path: Path, text: str) -> str:
    path.write_bytes(gzip.compress(text.encode()))
    return str(path)


@pytest.fixture
def published(run) -> None:
    """A home with one item live on Weibo; nobody listens where its sandbox should be."""
    run("init")
    house = open_or_explain()
    with house.db.write() as session:
        person = Person(username="a", display_name="a", password_hash="!")
        account = Account(kind="weibo", name="示例发布", settings={})
        session.add_all([person, account])
        session.flush()
        article = Article(author_id=person.id, title="通告")
        session.add(article)
        session.flush()
        session.add(Copy(article_id=article.id, account_id=account.id, state="live", remote_id="5000"))
    house.close()


@pytest.mark.parametrize(
    ("content", "original", "told"),
    [
        (HEAD, "nope", "没有编号为 nope 的原微博"),
        ("id\ttime\n1\t2\n", "o1", "缺少列：author_hash、mid、original、parent、text"),
        (HEAD + "o1\tm1\n", "o1", "第 2 行的列数不对"),
        (HEAD + "o1\tm1\t\t1347334462\t看到了\tx\n", "o1", "没有应答，请先启动沙盒"),
    ],
)
def test_a_cascade_that_cannot_be_played_is_explained_in_one_line(
    run, published, monkeypatch, tmp_path: Path, content: str, original: str, told: str
) -> None:
    monkeypatch.setenv("WENZHENG_WEIBO_BASE_URL", "http://127.0.0.1:1")
    file = packed(tmp_path / "c.tsv.gz", content)
    done = run("replay", "cascades", "--file", file, "--original", original)
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    assert told in done.output


@pytest.mark.parametrize("command", [("cascades", "--original", "o1"), ("messages",)])
def test_a_file_that_is_no_recorded_stream_is_named(run, published, tmp_path: Path, command: tuple[str, ...]) -> None:
    file = tmp_path / "passwd"
    file.write_text("root:x:0:0:root:/root:/bin/bash\n")
    done = run("replay", *command, "--file", str(file))
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    assert "文件 passwd 读不出来" in done.output
    file.write_bytes(gzip.compress(f"user\ttitle\t{HEAD}".encode() * 50)[:-9])
    assert "文件 passwd 读不出来" in run("replay", *command, "--file", str(file)).output


def test_messages_need_a_portal_that_answers(run, published, monkeypatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WENZHENG_SITE_URL", "http://127.0.0.1:1")
    file = packed(tmp_path / "m.tsv.gz", "time\tuser\ttitle\ttext\n1347334462\t甲\t路灯\t路灯不亮\n")
    done = run("replay", "messages", "--file", file)
    assert (done.exit_code, done.output.count("\n")) == (1, 1)
    assert "门户 http://127.0.0.1:1 没有应答" in done.output
