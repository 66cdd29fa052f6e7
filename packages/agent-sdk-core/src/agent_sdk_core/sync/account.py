"""The login that goes on, as synchronous code sees it."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from agent_sdk_core.interfaces import account as async_face
from agent_sdk_core.interfaces.account import LoginMethod
from agent_sdk_core.sync.faces import Face, blocking


class LoginHandle(Face[async_face.LoginHandle]):
    """A login that goes on: show its URL or code to the user, then `wait()`. Leaving `with` early cancels it."""

    @property
    def method(self) -> LoginMethod:
        """How it is done."""
        return self._inner.method

    @property
    def url(self) -> str | None:
        """What to open in a browser, of the machine that the agent runs on where the agent listens there."""
        return self._inner.url

    @property
    def manual_url(self) -> str | None:
        """What to open on another machine instead; the page shows a code, which `submit_code` takes."""
        return self._inner.manual_url

    @property
    def user_code(self) -> str | None:
        """Code to type in on the page, of a login by "device_code"."""
        return self._inner.user_code

    @property
    def done(self) -> bool:
        """Whether it has ended, whichever way."""
        return self._inner.done

    wait = blocking(async_face.LoginHandle.wait)
    submit_code = blocking(async_face.LoginHandle.submit_code)
    cancel = blocking(async_face.LoginHandle.cancel)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.cancel()
