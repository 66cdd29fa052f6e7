"""`agent-sdk policy` says what a policy decides, by which rule, and whether its files can be used."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from agent_chat.cli.policy import check, explain
from agent_chat.settings import UsageError

POLICY = """\
[policy]
deny = ["Bash(rm *)", "Edit(/etc/**)"]
ask = ["Bash(git *)"]
allow = ["Bash(ls *)", "Read(**)"]
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a policy file, and a configuration of its own."""
    (tmp_path / "p.toml").write_text(POLICY, encoding="utf-8")
    (tmp_path / "c.toml").write_text(POLICY, encoding="utf-8")
    monkeypatch.setenv("AGENT_SDK_CONFIG", str(tmp_path / "c.toml"))
    return tmp_path


@pytest.mark.parametrize("from_file", [True, False])
@pytest.mark.parametrize(
    ("tool", "text", "code", "rule"),
    [
        ("Bash", "ls -l; rm x", 11, "Bash(rm *)"),
        ("Bash", '{"command": "ls; rm x"}', 11, "Bash(rm *)"),
        ("Bash", "{rm,-rf,/}", 11, "Bash(rm *)"),
        ("Bash", '"rm" x', 11, "Bash(rm *)"),
        ("Bash", "git log", 10, "Bash(git *)"),
        ("Bash", "make", 10, None),
        ("Bash", "ls", 0, "Bash(ls *)"),
        ("Write", '{"file_path": "/etc/passwd"}', 11, "Edit(/etc/**)"),
        ("Read", '{"file_path": "a"}', 0, "Read(**)"),
    ],
)
def test_a_call_is_explained(
    place: Path, capsys: pytest.CaptureFixture[str], from_file: bool, tool: str, text: str, code: int, rule: str | None
) -> None:
    policy = str(place / "p.toml") if from_file else None
    assert explain(tool, text, policy=policy, cwd=str(place), as_json=from_file) == code
    out = capsys.readouterr().out
    told = json.loads(out)
    assert told["verdict"] == {0: "allow", 10: "ask", 11: "deny"}[code]
    assert told["rule"] == rule
    assert told["why"]
    assert out.count("\n") == (1 if from_file else 5)


@pytest.mark.parametrize("text", ["a.txt", "[]", "3"])
def test_an_input_that_is_no_object_is_refused(place: Path, text: str) -> None:
    with pytest.raises(UsageError, match="has to be a JSON object"):
        explain("Edit", text, policy=str(place / "p.toml"), cwd=None, as_json=False)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("deny = ['bash']", "f.toml:1: the policy's rule 'bash' cannot be used: the tool is spelt Bash."),
        ("[policy]\ndney = []", "f.toml:2: there is no list 'dney' in a policy; did you mean 'deny'?"),
        ("frobnicate = []", "there are: deny, ask, allow, limits."),
        ("deny = 'Bash'", "deny has to be a list of rules"),
        ("policy = 3", "policy has to be a table"),
        ("deny = [3]", "a rule is a text"),
        ("deny = ['Bsh']", "f.toml:1: the policy's rule 'Bsh' cannot be used: no agent has a tool 'Bsh'; did you mean"),
        ("deny = [", "not valid TOML"),
        ("scope = 'asked'", "scope is 'every_call' or 'asked_only', not 'asked'"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_what_is_wrong(place: Path, text: str, sentence: str) -> None:
    (place / "f.toml").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        check(policy=str(place / "f.toml"), cwd=None, as_json=False)
    assert sentence in str(caught.value)


@pytest.mark.parametrize("tool", ["bash", "", "Bash(ls)", "kind:execute", "Ba sh"])
def test_what_is_no_name_of_a_tool_is_no_question(place: Path, tool: str) -> None:
    with pytest.raises(UsageError, match="is no name of a tool"):
        explain(tool, "{}", policy=str(place / "p.toml"), cwd=None, as_json=False)


def test_an_input_that_is_nested_too_deeply_is_refused(place: Path) -> None:
    with pytest.raises(UsageError, match="has to be a JSON object"):
        explain("Read", "[" * 200_000, policy=str(place / "p.toml"), cwd=None, as_json=False)


def test_a_table_of_the_configuration_is_a_policy_file(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "f.toml").write_text("[policy]\nscope = 'asked_only'\ndeny = ['Bash(rm *)']\n", encoding="utf-8")
    assert check(policy=str(place / "f.toml"), cwd=None, as_json=False) == 0
    assert "1 rule in" in capsys.readouterr().out


def test_a_file_that_is_not_there_is_named(place: Path) -> None:
    with pytest.raises(UsageError, match="there is no such file"):
        check(policy=str(place / "none.toml"), cwd=None, as_json=False)
    (place / "c.toml").write_text("[policy]\ndeny = ['bash']", encoding="utf-8")
    with pytest.raises(UsageError, match="spelt Bash"):
        check(policy=None, cwd=str(place), as_json=False)


def lines(capsys: pytest.CaptureFixture[str]) -> Sequence[str]:
    return capsys.readouterr().out.splitlines()


def test_the_rules_are_shown_in_the_order_in_which_they_are_looked_at(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = str(place / "p.toml")
    assert check(policy=file, cwd=None, as_json=False) == 0
    shown = lines(capsys)
    assert [line.split("    ")[0] for line in shown[:-1]] == [
        "deny  Bash(rm *)",
        "deny  Edit(/etc/**)",
        "ask   Bash(git *)",
        "allow Bash(ls *)",
        "allow Read(**)",
    ]
    assert shown[-1] == f"5 rules in {file}: all can be used."
    assert check(policy=None, cwd=str(place), as_json=True) == 0
    told = json.loads(lines(capsys)[0])
    assert told["files"] == [str(place / "c.toml")]
    assert told["rules"][0] == {"verdict": "deny", "rule": "Bash(rm *)", "source": f"{place / 'c.toml'}:2"}


def test_a_rule_that_may_cover_nothing_is_told_and_is_no_failure(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "f.toml").write_text("allow = [\"Raed\", 'stock_price']\n", encoding="utf-8")
    assert check(policy=str(place / "f.toml"), cwd=None, as_json=False) == 0
    told = capsys.readouterr()
    sentence = f"{place / 'f.toml'}:1: the policy's rule 'Raed' may cover nothing: no agent has a tool 'Raed'; did"
    assert told.err == f"warning: {sentence} you mean 'Read'?\n"
    assert "all can be used" in told.out
    assert check(policy=str(place / "f.toml"), cwd=None, as_json=True) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["warnings"] == [f"{sentence} you mean 'Read'?"]
    assert told.err == ""


@pytest.mark.parametrize("whole", [True, False])
def test_limits_are_listed(place: Path, capsys: pytest.CaptureFixture[str], whole: bool) -> None:
    head = "[policy.limits]" if whole else "[limits]"
    (place / "l.toml").write_text(f"{head}\nturns = 3\ncost_usd = 0.5\n", encoding="utf-8")
    assert check(policy=str(place / "l.toml"), cwd=str(place), as_json=False) == 0
    assert capsys.readouterr().out.startswith("limit turns 3\nlimit cost_usd 0.5\n0 rules in ")
    assert check(policy=str(place / "l.toml"), cwd=str(place), as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["limits"] == {"turns": 3, "cost_usd": 0.5}
    (place / "l.toml").write_text(f"{head}\nturn = 3\n", encoding="utf-8")
    with pytest.raises(UsageError, match="turn does not exist; did you mean 'turns'"):
        check(policy=str(place / "l.toml"), cwd=str(place), as_json=False)
