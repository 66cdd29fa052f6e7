"""Programs by what they do, as far as a policy has to know, and what they run that a command's text does not show.

A name is compared without its folder and in lower case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Final

from agent_sdk_core.policy.commands import CommandLine


def _named(names: str) -> frozenset[str]:
    return frozenset(names.split())


WRAPPERS: Final = _named(
    "sudo doas su env nice ionice nohup time timeout stdbuf setsid xargs find fd command builtin exec chroot watch "
    "parallel unshare nsenter strace ltrace gdb flock script ssh busybox toybox runuser runcon systemd-run taskset "
    "chrt unbuffer coproc trap eval caffeinate arch firejail bwrap entr hyperfine - noglob nocorrect repeat pkexec "
    "run0 setpriv prlimit numactl cgexec setarch linux32 linux64 fakeroot proot proxychains proxychains4 "
    "torsocks tsocks rlwrap valgrind perf chronic ifne sem xvfb-run dbus-run-session systemd-inhibit "
    "start-stop-daemon daemonize"
)
"""Run what their arguments name."""

SHELLS: Final = _named("sh bash zsh dash ksh fish ash mksh rbash csh tcsh posh yash lksh oksh elvish nu")
INTERPRETERS: Final = _named(
    "python pythonw pypy ipython perl ruby node nodejs php lua luajit awk gawk mawk tclsh expect osascript deno bun "
    "pwsh rscript julia ed ex vi vim nvim emacs sqlite"
)
LATER: Final = _named("at batch crontab")
"""Have run what they read, some time."""

WRITERS: Final = _named(
    "tee cp mv rm ln dd install truncate touch chmod chown chgrp mkdir rmdir unlink shred rsync sed patch mkfifo mknod "
    "setfacl chattr sponge split csplit tar unzip gunzip gzip wget scp"
)
"""Change the files that their arguments name."""

COPIERS: Final = _named("cp ln install rsync scp")
"""Change the last of the files that their arguments name, unless an option names the folder."""

REMOVERS: Final = _named("rm mv shred")
"""Take away what lies below the folders that their arguments name."""

RECURSIVE: Final = _named("chmod chown chgrp setfacl rsync find")
"""Change all that lies below the folders that their arguments name, with some of their options."""

PATCHERS: Final = _named("apply_patch applypatch patch gpatch git")
"""Change the files that a text which they are given names; Codex runs the first two itself."""

READERS: Final = _named(
    "cat head tail grep egrep fgrep rg ls wc stat diff cmp du realpath readlink basename dirname "
    "echo printf test [ cd pwd which sha256sum sha1sum md5sum cut jq od hexdump strings base64"
)
"""Leave the files that their arguments name as they are, whatever their options."""

NETWORK: Final = _named(
    "curl wget ping ssh scp sftp nc ncat netcat telnet dig nslookup host http https rsync ftp socat"
)
"""Ask the hosts that their arguments name, with or without a scheme."""

_SED_RUNS: Final = re.compile(r"(?:\A|[;{}/$\d\n])\s*e(?:\s|\Z)|s([^\w\s])(?>.*?\1)(?>.*?\1)[gpIiMmw\d]*e")
_EXECUTES: Final = re.compile(r"-(?:exec|execdir|ok|okdir|x|X)\Z|--exec(?:-batch)?(?:=|\Z)")
_LONG: Final = 4_000
_MOST_WORDS: Final = 500
"""Words of a command that are looked at as what it may run."""


def blind_spots(lines: Iterable[CommandLine], *, arguments: bool) -> Iterator[str]:
    """Tell what a command runs that its text does not show, so that no refusal can look at it.

    Args:
        lines: The command.
        arguments: Whether it matters too what programs are given that the text does show.
    """
    for line in lines:
        for command in line.commands:
            yield from _blind_spots(command.name.casefold(), [word.text for word in command.words], arguments)


def _blind_spots(name: str, words: Sequence[str], arguments: bool) -> Iterator[str]:
    if len(words) > _MOST_WORDS:
        yield f"{name} is given more than is looked at"
    if name in ("source", "."):
        yield f"{name} runs another file"
    bases = [_base(word) for word in words] if name in WRAPPERS else [name]
    for index, base in enumerate(bases):
        if (reason := _blind(base, words, index + 1)) is not None:
            yield reason
    if "git" in bases and any(word.startswith("alias.") for word in words):
        yield "git is given a name for something else"
    if "rg" in bases and any(word.startswith("--pre") for word in words):
        yield "rg runs a program for each file"
    if "sed" in bases and any(len(word) > _LONG or _SED_RUNS.search(word) for word in words):
        yield "sed runs a command"
    if name in ("xargs", "parallel", "entr"):
        yield from _from_input(name, words[1:], arguments=arguments)
    if name in ("find", "fd"):
        run = [after for word, after in pairwise((*words, "")) if _EXECUTES.match(word)]
        if run and (arguments or any("{}" in program for program in run)):
            yield f"{name} runs something for each file that there is"


def _blind(program: str, words: Sequence[str], first: int) -> str | None:
    if program in SHELLS:
        return None if _is_told(words[first : first + _MOST_WORDS]) else f"{program} runs what it reads"
    if program.rstrip("0123456789.") in INTERPRETERS:
        return f"{program} runs a program of its own language"
    return f"{program} runs what it reads" if program in LATER else None


def _is_told(given: Sequence[str]) -> bool:
    """Tell whether a shell is given a text to run, before anything that it would read."""
    for before, word in pairwise(("", *given)):
        if re.match(r"--(?:rcfile|init-file)", word):
            return False
        if re.match(r"-\w*c", word):
            return True
        if not word.startswith(("-", "+")) and not re.fullmatch(r"[-+]\w*[oO]", before):
            return False
    return False


def reads_commands(words: Sequence[str]) -> bool:
    """Tell whether a command is, or wraps, a shell that is given no text and no file, so that it runs what it reads."""
    bases = [_base(word) for word in words[:_MOST_WORDS]]
    shells = (index for index, base in enumerate(bases) if base in SHELLS and (index == 0 or bases[0] in WRAPPERS))
    first = next(shells, None)
    return first is not None and all(re.match(r"[-+](?!\w*c)", word) for word in words[first + 1 :])


def _from_input(name: str, words: Sequence[str], *, arguments: bool) -> Iterator[str]:
    """Tell whether a program that hands on what it reads may run just that."""
    program = next((word for word in words if not word.startswith("-")), "")
    replaces = any(re.match(r"-[IiJ]|--replace", word) for word in words)
    last = _base(words[-1]) if words else ""
    if arguments or not program or replaces or name != "xargs" or last in WRAPPERS or last in SHELLS:
        yield f"{name} runs what it reads"


def _base(text: str) -> str:
    return text.rpartition("/")[2].casefold()
