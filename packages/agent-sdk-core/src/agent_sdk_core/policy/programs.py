"""Programs by what they do, as far as a policy has to know; a name is compared without its folder and in lower case."""

from __future__ import annotations

from typing import Final


def _named(names: str) -> frozenset[str]:
    return frozenset(names.split())


WRAPPERS: Final = _named(
    "sudo doas su env nice ionice nohup time timeout stdbuf setsid xargs find fd command builtin exec chroot watch "
    "parallel unshare nsenter strace ltrace gdb flock script ssh busybox toybox runuser runcon systemd-run taskset "
    "chrt unbuffer coproc trap eval caffeinate arch firejail bwrap entr hyperfine"
)
"""Run what their arguments name."""

SHELLS: Final = _named("sh bash zsh dash ksh fish ash mksh rbash csh tcsh")
INTERPRETERS: Final = _named("python perl ruby node nodejs php lua awk gawk mawk tclsh osascript deno bun pwsh")
WRITERS: Final = _named(
    "tee cp mv rm ln dd install truncate touch chmod chown chgrp mkdir rmdir unlink shred rsync sed patch mkfifo mknod "
    "setfacl chattr sponge split csplit tar unzip gunzip gzip wget scp"
)
"""Change the files that their arguments name."""

COPIERS: Final = _named("cp ln install rsync scp")
"""Change the last of the files that their arguments name, unless an option names the folder."""

READERS: Final = _named(
    "cat head tail less more grep egrep fgrep rg ls wc stat diff cmp du realpath readlink basename dirname "
    "echo printf test [ cd pwd which sha256sum sha1sum md5sum cut jq od hexdump strings base64"
)
"""Leave the files that their arguments name as they are, whatever their options."""

NETWORK: Final = _named(
    "curl wget ping ssh scp sftp nc ncat netcat telnet dig nslookup host http https rsync ftp socat"
)
"""Ask the hosts that their arguments name, with or without a scheme."""
