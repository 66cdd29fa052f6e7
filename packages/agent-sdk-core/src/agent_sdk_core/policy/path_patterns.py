"""Paths that a rule names, and paths that a tool names: when one covers the other.

Blocking: it asks the file system where links lead. Call it off the event loop.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from agent_sdk_core.records import dataclass

if TYPE_CHECKING:
    from wcmatch.glob import WcMatcher

_MAGIC: Final = re.compile(
    r"/(?:proc/[^/]+(?:/task/[^/]+)?/(?:cwd|root|fd|exe|map_files)|dev/(?:fd|stdin|stdout|stderr))(?:/|\Z)"
)
"""Links whose meaning depends on the process that follows them."""

_OWN_CWD: Final = re.compile(r"/proc/(?:self|thread-self|self/task/[^/]+)/cwd(?=/|\Z)")
_WILD: Final = re.compile(r"[*?\[{]")


@dataclass(frozen=True, slots=True)
class NamedPath:
    """A path that a tool call names.

    Attributes:
        text: As it is written.
        forms: The absolute paths that it may be: as written, and with its links followed, the latter first.
        doubt: Why nobody can tell where it leads; "" where it is known.
    """

    text: str
    forms: tuple[str, ...]
    doubt: str = ""


def named_path(text: str, cwd: str) -> NamedPath:
    """Return where a path leads.

    Args:
        text: As the tool call has it; "~" and "~user" count as homes.
        cwd: The absolute folder that a relative one counts from.
    """
    if "\0" in text:
        return NamedPath(text, (), "it holds a NUL character")
    expanded = os.path.expanduser(text)  # never raises, unlike Path.expanduser()
    joined = os.path.join(cwd, expanded)  # ".." behind a link must stay for realpath
    here = _OWN_CWD.sub(lambda _: cwd, joined)
    doubt = "where it leads depends on the process" if _MAGIC.search(here) else ""
    try:
        real = os.path.realpath(here)
    except (OSError, ValueError):
        return NamedPath(text, (os.path.normpath(here),), "its links cannot be followed")
    return NamedPath(text, tuple(dict.fromkeys((real, os.path.normpath(here)))), doubt)


def is_shared(path: NamedPath) -> bool:
    """Tell whether a file has a second name (a hard link), which may stand where no rule would let it be changed."""
    try:
        found = os.stat(path.forms[0])  # noqa: PTH116  # a text, not a Path
    except (OSError, ValueError, IndexError):
        return False
    return stat.S_ISREG(found.st_mode) and found.st_nlink > 1


def covers(pattern: str, path: NamedPath, workspace: str, *, loosely: bool) -> bool:
    """Tell whether a rule's pattern covers a path.

    Args:
        pattern: `/etc/**` and `~/.ssh/**` are absolute, `src/**` counts from the workspace, `*.pem` (without a slash)
            is any such name below it; a path without `*` covers what lies below it too.
        path: The path.
        workspace: The session's absolute folder.
        loosely: For refusals: any of the path's forms counts, and another name (a hard link) of the file that a pattern
            without wildcards names; case and composed letters do not, and a matching folder covers what is below it.
            Otherwise the place where its links lead must be covered, and known.
    """
    if loosely:
        matcher = _matcher(pattern, workspace, loosely=True)
        return any(matcher.match(_folded(form)) for form in path.forms) or _is_second_name(pattern, path, workspace)
    return not path.doubt and bool(path.forms) and _matcher(pattern, workspace, loosely=False).match(path.forms[0])


def lies_below(pattern: str, path: NamedPath, workspace: str) -> bool:
    """Tell whether the place that a rule's pattern names is within a folder: whoever removes the one, removes both."""
    for folder, _ in _places(pattern, workspace):
        for place in (os.path.normpath(folder), os.path.realpath(folder)):
            if any(f"{_folded(place)}/".startswith(f"{_folded(form).rstrip('/')}/") for form in path.forms):
                return True
    return False


def _is_second_name(pattern: str, path: NamedPath, workspace: str) -> bool:
    """Tell whether a path is another name (a hard link) of the one file that a pattern names."""
    if _WILD.search(pattern) or not is_shared(path):
        return False
    for folder, tail in _places(pattern, workspace):
        named = os.path.join(folder, tail.removeprefix("**/")) if tail else folder
        with contextlib.suppress(OSError):  # There is no such file.
            if os.path.samefile(named, path.forms[0]):  # noqa: PTH121  # texts, not Paths
                return True
    return False


def is_named(pattern: str, search: str) -> bool:
    """Tell whether the last name of a rule's pattern is one that a search with wild cards finds."""
    from wcmatch import fnmatch  # Only where a path is judged.

    name = _folded(pattern.rstrip("/").rpartition("/")[2])
    return not _WILD.search(name) and fnmatch.fnmatch(name, _folded(search), flags=fnmatch.BRACE | fnmatch.DOTMATCH)


def is_absolute(pattern: str) -> bool:
    """Tell whether a pattern names a place outside of any workspace."""
    return pattern.startswith(("/", "~"))


@lru_cache(maxsize=1024)
def _matcher(pattern: str, workspace: str, *, loosely: bool) -> WcMatcher[str]:
    from wcmatch import glob  # Only where a path is judged.

    globs = list(_globs(pattern, workspace, loosely=loosely))
    if loosely:
        globs = [_folded(one) for one in globs]
    return glob.compile(globs, flags=glob.GLOBSTAR | glob.DOTGLOB | glob.FORCEUNIX | glob.BRACE)


def _globs(pattern: str, workspace: str, *, loosely: bool) -> Iterable[str]:
    from wcmatch import glob

    for folder, tail in _places(pattern, workspace):
        for known in dict.fromkeys((os.path.normpath(folder), os.path.realpath(folder))):
            place = glob.escape(known)
            if not tail:
                yield from (place, f"{place.rstrip('/')}/**")
                continue
            whole = f"{place.rstrip('/')}/{tail}"
            yield whole
            if whole.endswith("/**"):
                yield whole[:-3] or "/"
            elif loosely or not _WILD.search(tail.rpartition("/")[2]):
                yield f"{whole}/**"


def _places(pattern: str, workspace: str) -> Iterable[tuple[str, str]]:
    """Split a pattern into the folder that it names and what is wild below it."""
    if is_absolute(pattern):
        expanded = os.path.expanduser("/" + pattern.lstrip("/") if pattern.startswith("/") else pattern)
        yield _split("", expanded.rstrip("/") or "/")
        return
    inner = pattern.removeprefix("./").rstrip("/")
    if "/" not in inner and inner not in ("**", ""):
        yield workspace, f"**/{inner}"
    else:
        yield _split(workspace, inner)


def _split(root: str, path: str) -> tuple[str, str]:
    wild = _WILD.search(path)
    if wild is None:
        return os.path.join(root, path), ""
    fixed = path[: wild.start()].rpartition("/")[0]
    tail = path[len(fixed) :].lstrip("/")
    return os.path.join(root, fixed or "/") if not root else os.path.join(root, fixed), tail


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
