"""The name of the configured backend alone, for who cannot wait until the whole configuration is read and checked."""

from __future__ import annotations

import os

from agent_sdk_core.config import environment, files

_KEY = "backend"


def named_backend() -> str | None:
    """Return what the configuration of this folder and environment calls its backend; None: nothing is said of it.

    Nothing else that is configured is looked at, so that it may be wrong.

    Raises:
        InvalidRequestError: A file cannot be read.
    """
    if name := os.environ.get(environment.variable_name([_KEY])):
        return name
    user, required = files.user_file(os.environ)
    documents = [files.read("user", user, required=required)]
    if (root := files.workspace_root()) is not None:
        documents.append(files.read("workspace", root / files.WORKSPACE_FILE))
    named = [name for document in documents if isinstance(name := document.data.get(_KEY), str) and name]
    return named[-1] if named else None
