from __future__ import annotations

import pytest

from agent_chat.terminal.chat.commands import COMMANDS, Command, Mistake, Prompt, help_text, read_line


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        (" fix it ", Prompt("fix it")),
        ("/model", Command("model")),
        ("/model  opus ", Command("model", "opus")),
        ("/exit", Command("quit")),
        ("/resume", Command("chats")),
        ("//model is a word", Prompt("/model is a word")),
        ("/review the tests", Prompt("/review the tests")),
        ("/etc/passwd is what?", Prompt("/etc/passwd is what?")),
        ("/forc", Mistake("There is no command /forc; did you mean /fork?")),
        ("/revew", Mistake("There is no command /revew; did you mean /review?")),
        ("/zzz", Mistake("There is no command /zzz; /help shows them.")),
    ],
)
def test_a_line_is_a_prompt_a_command_or_a_mistake(line: str, meant: Prompt | Command | Mistake) -> None:
    assert read_line(line, ["/review"]) == meant


def test_help_names_each_command_and_keys_where_there_are_any() -> None:
    assert all(f"`/{name}" in help_text(live=False) for name in COMMANDS)
    assert "Ctrl-C" in help_text(live=True)
    assert "Ctrl-C" not in help_text(live=False)
