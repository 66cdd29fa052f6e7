"""A turn in a real kernel: its cell shows it while it streams, and keeps how it ended."""

# pyright: reportMissingImports=false, reportMissingTypeStubs=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUntypedBaseClass=false, reportUnknownParameterType=false
from __future__ import annotations

import sys
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

CELL = """
from agent_chat import notebook
from agent_sdk_core import SessionOptions
from agent_sdk_testing import MemoryBackend, call, text

notebook.PAUSE = 0  # Each message is drawn, so that it does not matter how fast they come.
agent = MemoryBackend().on("Bash", "two files")
agent.reply(text("I **look** <b>first</b>."), call("Bash", command="ls")).reply(text("Well ", "then."))
async with agent, await agent.create_session(SessionOptions(permission_mode="bypass")) as session:
    result = await notebook.show(session.query("Go"))
result.outcome
"""


class Kernel(AsyncKernelManager):
    """The kernel of this interpreter, whatever kernels are installed."""

    @property
    def kernel_spec(self) -> KernelSpec:
        return KernelSpec(
            argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"], language="python"
        )


class Client(NotebookClient):
    """Runs a notebook, and notes what it shows meanwhile."""

    drawn: list[str]

    def process_message(self, msg: dict[str, Any], cell: Any, cell_index: int) -> Any:
        if msg["msg_type"] in ("display_data", "update_display_data"):
            self.drawn.append(msg["content"]["data"]["text/markdown"])
        return super().process_message(msg, cell, cell_index)


def test_a_cell_shows_a_turn_while_it_streams() -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    client = Client(notebook, timeout=120, km=Kernel())
    client.drawn = []
    client.execute()
    shown, result = notebook.cells[0].outputs
    assert result["data"]["text/plain"] == "'completed'"
    ended = shown["data"]["text/markdown"]
    assert "I **look** &lt;b>first&lt;/b>." in ended
    assert "`ls`" in ended
    assert "two files" in ended
    assert "Well then." in ended
    assert client.drawn[0] == "", "the cell has its place before anything is said"
    assert client.drawn[-1] == ended
    assert any("Well" in text and "then." not in text for text in client.drawn), "it is shown while it streams"
