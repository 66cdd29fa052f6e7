from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent_sdk_core import DEFER, PolicyGuard, SessionOptions, Tool, ToolRegistry
from claude_sdk.asking.envelope import Envelope
from claude_sdk.asking.grants import Grant, never_asked, suggested_grant


def rules(*pairs: tuple[str, str | None], to: str = "localSettings", behavior: str = "allow") -> dict[str, Any]:
    named = [{"toolName": tool} | ({} if content is None else {"ruleContent": content}) for tool, content in pairs]
    return {"type": "addRules", "rules": named, "behavior": behavior, "destination": to}


def folders(*paths: str) -> dict[str, Any]:
    return {"type": "addDirectories", "directories": list(paths), "destination": "session"}


ACCEPT_EDITS = {"type": "setMode", "mode": "acceptEdits", "destination": "session"}


def asked(*suggestions: Any, tool: str = "Bash", cwd: str | None = "/w", **body: Any) -> Envelope:
    native = {"tool_name": tool, "permission_suggestions": list(suggestions), **body}
    return Envelope("request-1", "session-1", "native-1", native, cwd=cwd)


def grant(*suggestions: Any, **fields: Any) -> Grant:
    found = suggested_grant(asked(*suggestions, **fields))
    assert found is not None
    return found


def redirection(command: str, path: str, *suggestions: Any, **fields: Any) -> Grant:
    given = suggestions or (rules(("Bash", "echo a *")), folders("/w"))
    return grant(*given, input={"command": command}, blocked_path=path, **fields)


NO_GRANTS: list[Any] = [
    None,
    "nonsense",
    [],
    ["nonsense", {}, {"type": "removeRules"}],
    [rules(("Bash", "rm *"), behavior="deny")],
    [rules()],
    [{"type": "addRules", "rules": [{}], "behavior": "allow", "destination": "session"}],
    [folders()],
    [{"type": "setMode", "mode": "bypassPermissions", "destination": "session"}],
]


class TestWhatIsGranted:
    def test_a_command_is_granted_by_its_rules_and_nothing_beside_them(self) -> None:
        suggested = rules(("Bash", "touch a *"))
        assert grant(suggested, folders("/w"), ACCEPT_EDITS).updates == (suggested,)

    def test_a_reading_rule_that_comes_with_a_command_is_a_part_of_it(self) -> None:
        command, reading = rules(("Bash", "cat /o/a")), rules(("Read", "//o/**"), to="session")
        found = grant(command, reading, input={"command": "cat /o/a > /o/a"}, blocked_path="/o/a")
        assert found.updates == (command, reading)

    def test_an_edit_is_granted_by_the_mode_and_the_folders_that_are_suggested(self) -> None:
        assert grant(ACCEPT_EDITS, folders("/o"), tool="Write").updates == (ACCEPT_EDITS, folders("/o"))

    @pytest.mark.parametrize("suggestions", NO_GRANTS)
    def test_what_is_no_grant_that_can_be_named_is_left_out(self, suggestions: object) -> None:
        request = Envelope("r", "s", "n", {"tool_name": "Bash", "permission_suggestions": suggestions})
        assert suggested_grant(request) is None

    def test_nothing_is_granted_where_claude_says_that_it_must_not_be(self) -> None:
        assert suggested_grant(asked(rules(("Bash", "rm *")), suppress_always_allow_rule=True)) is None


class TestRedirections:
    @pytest.mark.parametrize(
        ("command", "path"),
        [
            ("echo a >> done.txt", "/w/done.txt"),
            ("echo a>done.txt", "/w/done.txt"),
            ("echo a >| ./sub/../done.txt", "/w/done.txt"),
            ("echo a 2> '/o/my file'", "/o/my file"),
            ('echo a &> "/o/my file"; true', "/o/my file"),
        ],
    )
    def test_a_command_that_writes_a_file_may_go_on_to_write_it(self, command: str, path: str) -> None:
        added = redirection(command, path).updates[-1]
        assert added == rules(("Edit", f"/{path}"))

    @pytest.mark.parametrize(
        ("command", "path"),
        [
            ("touch done.txt", "/w/done.txt"),
            ("cat < done.txt", "/w/done.txt"),
            ("echo a > other.txt", "/w/done.txt"),
            ("echo a > $FILE", "/w/$FILE"),
            ("echo '->x'", "/w/x"),
            ("echo a > a*", "/w/a*"),
            ("echo a > done.txt", "done.txt"),
            ("mkdir sub", "/w/sub"),
        ],
    )
    def test_no_other_command_in_the_sessions_folders_may(self, command: str, path: str) -> None:
        assert redirection(command, path).updates == (rules(("Bash", "echo a *")),)

    def test_a_folder_is_never_granted_so(self, tmp_path: Path) -> None:
        folder = str(tmp_path)
        assert len(redirection(f"echo a > {folder}", folder, cwd=folder).updates) == 1

    def test_a_relative_target_means_nothing_without_a_folder(self) -> None:
        assert len(redirection("echo a > done.txt", "/w/done.txt", cwd=None).updates) == 1

    def test_only_a_command_line_has_redirections(self) -> None:
        assert len(redirection("echo a > done.txt", "/w/done.txt", tool="Monitor").updates) == 1
        assert len(grant(rules(("Bash", "x *")), blocked_path="/w/done.txt").updates) == 1


class TestPathsOutsideOfTheFolders:
    @pytest.mark.parametrize(("command", "path"), [("touch /o/a", "/o/a"), ("rm -f '/o/my file'", "/o/my file")])
    def test_a_command_on_a_file_there_is_granted_with_that_very_file(self, command: str, path: str) -> None:
        rule = rules(("Bash", command))
        found = redirection(command, path, rule, folders("/o"), ACCEPT_EDITS)
        assert found.updates == (rule, rules(("Edit", f"/{path}")))

    @pytest.mark.parametrize(
        ("command", "path"),
        [("mkdir -p /o/a", "/o/a"), ("cp /o/a /o/b", "/o/a"), ("rm /o/a*", "/o/a*"), ("rm -r /", "/"), (None, "/o/a")],
    )
    def test_nothing_lasting_is_offered_where_that_would_grant_more_or_be_asked_again(
        self, command: str | None, path: str
    ) -> None:
        suggestions = rules(("Bash", "x *")), folders("/o")
        assert suggested_grant(asked(*suggestions, input={"command": command}, blocked_path=path)) is None

    def test_a_further_folder_of_the_session_is_none_outside(self) -> None:
        rule = rules(("Bash", "touch *"))
        envelope = asked(rule, input={"command": "touch /o/a"}, blocked_path="/o/a")
        assert suggested_grant(replace(envelope, add_dirs=("/o",))) == Grant((rule,))


class TestWhereItIsKept:
    @pytest.mark.parametrize(
        ("destination", "stored"),
        [
            ("userSettings", "in your user settings, for every project"),
            ("projectSettings", "in .claude/settings.json of this project"),
            ("localSettings", "in .claude/settings.local.json of this project"),
            ("session", ""),
            ("cliArg", ""),
            (None, ""),
        ],
    )
    def test_each_file_is_named(self, destination: Any, stored: str) -> None:
        assert grant(rules(("Bash", "ls *"), to=destination)).stored == stored

    def test_several_places_are_named_once_each(self) -> None:
        two = rules(("Bash", "b *"), to="userSettings")
        assert grant(rules(("Bash", "a *")), rules(("Bash", "c *")), two).stored == (
            "in .claude/settings.local.json of this project and in your user settings, for every project"
        )

    def test_for_a_session_nothing_is_kept_in_a_file(self) -> None:
        kept = grant(rules(("Bash", "a *")), rules(("Read", "//o/**"), to="userSettings")).for_session()
        assert [update["destination"] for update in kept.updates] == ["session", "session"]
        assert kept.stored == ""

    def test_what_is_kept_can_be_told_from_what_is_not(self) -> None:
        stored, fleeting = rules(("Bash", "a *")), rules(("Read", "//o/**"), to="session")
        whole = grant(stored, fleeting)
        assert whole.kept().updates == (stored,)
        assert whole.kept(in_files=False).updates == (fleeting,)


class TestWords:
    @pytest.mark.parametrize(
        ("suggestions", "words"),
        [
            ([rules(("Bash", "git push *"))], "allow `git push *`"),
            ([rules(("Bash", "a *"), ("Bash", "b *"))], "allow `a *`, `b *`"),
            ([rules(("Bash", "a *"), ("Bash", "a *"))], "allow `a *`"),
            ([rules(("Read", "//o/**"), ("Edit", "//o/a"), ("Write", "src/**"))],
             "allow reading /o/**, editing /o/a, editing src/**"),
            ([rules(("WebFetch", "domain:e.example"))], "allow WebFetch(domain:e.example)"),
            ([rules(("mcp__house__add", None))], "allow every use of mcp__house__add"),
            ([ACCEPT_EDITS, folders("/o", "/p")], "accept edits and allow work in /o, work in /p"),
            ([ACCEPT_EDITS], "accept edits"),
            ([{**ACCEPT_EDITS, "mode": "auto"}], "let Claude decide what to ask"),
        ],
    )  # fmt: skip
    def test_a_grant_says_what_it_allows(self, suggestions: list[dict[str, Any]], words: str) -> None:
        assert grant(*suggestions).describe() == words

    def test_a_grant_of_nothing_says_nothing(self) -> None:
        assert Grant(()).describe() == ""

    def test_a_rule_cannot_paint_over_the_label(self) -> None:
        spoofed = grant(rules(("Bash", "rm *\n\x1b[2K\u202eecho"))).describe()
        assert spoofed == "allow `rm * \N{REPLACEMENT CHARACTER}[2K\N{REPLACEMENT CHARACTER}echo`"

    def test_a_long_rule_is_cut(self) -> None:
        assert grant(rules(("Bash", "a" * 500))).describe() == f"allow `{'a' * 200}…`"


@pytest.mark.parametrize(
    ("allowed", "told"),
    [
        (("Bash", "Write", "Read(*)", "mcp__files"), True),
        (("Bash(*)", "Write", "Read", "mcp__files__read", "mcp__files__write"), True),
        (("Bash", "Write", "Read", "mcp__files__read"), False),
        (("Bash(git:*)", "Write", "Read", "mcp__files"), False),
        ((), False),
        (("*",), False),
    ],
)
def test_tools_that_are_all_allowed_are_told_to_leave_nothing_to_ask(allowed: tuple[str, ...], told: bool) -> None:
    tools = ["Bash", "Write", "Read", "TodoWrite", "mcp__files__read", "mcp__files__write"]
    options = SessionOptions(allowed_tools=allowed, can_use_tool=DEFER)
    sentence = "SessionOptions.can_use_tool is {}: allowed_tools allows every other tool that claude asks about."
    assert never_asked(options, tools) == ((sentence.format("never called"),) if told else ())
    plans = never_asked(options, [*tools, "ExitPlanMode"])
    assert plans == ((sentence.format("called for plans alone"),) if told else ())
    assert never_asked(SessionOptions(allowed_tools=allowed), tools) == ()
    assert never_asked(options, ["TodoWrite"]) == ()


def test_what_is_always_asked_about_is_not_told_never_to_be() -> None:
    always = ToolRegistry(tools=[Tool("deploy", "Deploys.", {"type": "object"}, _deploy, ask="always")])
    allowed = ("Bash", "mcp__tools__deploy")
    tools = ["Bash", "mcp__tools__deploy"]
    ways: tuple[dict[str, Any], ...] = ({"tools": always}, {"policy": PolicyGuard(ask=["Bash(git push *)"])})
    for fields in ways:
        assert never_asked(SessionOptions(allowed_tools=allowed, can_use_tool=DEFER, **fields), tools) == ()
    assert never_asked(SessionOptions(allowed_tools=allowed, can_use_tool=DEFER), tools)


async def _deploy(arguments: object) -> str:
    return "done"
