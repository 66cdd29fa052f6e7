"""Reading of the configuration: each layer that says something, and where it was looked for."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Self, cast

from agent_sdk_core.config import environment, files
from agent_sdk_core.config.files import WORKSPACE_FILE, ConfigFile, Document
from agent_sdk_core.config.layers import Layer, assembled, merged, read_layer, rules
from agent_sdk_core.config.sources import ValueSource, invalid
from agent_sdk_core.config.strictness import Key, is_trusted, objection
from agent_sdk_core.names import backend_names, nearest
from agent_sdk_core.records import dataclass

_MISTYPED: Final = 0.8


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder whose `.agent-sdk.toml` counts.

    Attributes:
        root: The folder.
        trusted: Whether the user's own file trusts it.
    """

    root: Path
    trusted: bool


@dataclass(frozen=True, slots=True)
class ConfigReading:
    """What was read.

    Attributes:
        layers: The layers, lowest first.
        files: The files that were looked for, the user's first.
        workspace: The workspace, None if there is none.
        unknown_variables: Environment variables that begin with `AGENT_SDK_` and mean nothing to this version.
    """

    layers: tuple[Layer, ...]
    files: tuple[ConfigFile, ...]
    workspace: Workspace | None
    unknown_variables: tuple[str, ...]

    @classmethod
    def of(
        cls,
        names: Sequence[str],
        *,
        cwd: str | os.PathLike[str] | None,
        env: Mapping[str, str],
        user_file: str | os.PathLike[str] | None,
        arguments: Mapping[str, object],
        texts: Mapping[Path, str],
    ) -> Self:
        """Read all layers; see `RuntimeConfig.preview` for arguments and errors.

        Args:
            names: The settings that variables may decide.
            cwd: Folder whose workspace file counts.
            env: The environment.
            user_file: The user's file.
            arguments: The settings of the highest layer.
            texts: What files hold instead of what is on the disk.
        """
        path, required = files.user_file(env, user_file)
        documents = [files.read("user", path, required=required, text=texts.get(path))]
        layers = [_file_layer(documents[0])]

        given = {name: value for name, value in arguments.items() if value is not None}
        argued = read_layer("argument", given, lambda _: ValueSource("argument"))

        workspace: Workspace | None = None
        if (root := files.workspace_root(cwd)) is not None:
            trusted_folders = merged([*layers, argued]).get(("trusted_folders",))
            workspace = Workspace(root, is_trusted(root, _folders(trusted_folders)))
            file = root / WORKSPACE_FILE
            documents.append(files.read("workspace", file, text=texts.get(file)))
            layer = _file_layer(documents[1])
            _refuse(layer, merged(layers), workspace, user_file=path)
            layers.append(layer)

        def named(key: Key) -> ValueSource:
            return ValueSource("environment", variable=environment.variable(env, key))

        layers += (read_layer("environment", environment.settings(env, names, backend_names()), named), argued)
        for layer in layers:
            _refuse_mistyped_backends(layer, backend_names())
        looked_for = tuple(document.file for document in documents)
        return cls(tuple(layers), looked_for, workspace, environment.unknown_variables(env, names))

    def values(self) -> dict[str, Any]:
        """Return the settings in force, as `Fields` takes them, with the rules of all layers."""
        data = assembled(merged(self.layers))
        return {**data, "policy": {**data.get("policy", {}), **rules(self.layers)}}


def _file_layer(document: Document) -> Layer:
    file = document.file
    return read_layer(file.kind, document.data, document.source, folder=file.path.parent)


def _refuse_mistyped_backends(layer: Layer, registered: Sequence[str]) -> None:
    """A table of a backend that is not installed is fine, unless its name looks like that of one that is."""
    for key in layer.values:
        if key[0] == "backends" and key[1] not in registered:
            meant = nearest(key[1], registered, alike=_MISTYPED)
            if meant is not None and (*key[:2], "type") not in layer.values:
                source, name = layer.locate(key), ".".join(key[:2])
                where = source.variable or name
                raise invalid(f"there is no backend for {where!r}; did you mean {meant!r}?", source, name)


def _folders(layer: Layer | None) -> tuple[Path, ...]:
    return () if layer is None else cast("tuple[Path, ...]", layer.values["trusted_folders",])


def _refuse(layer: Layer, below: Mapping[Key, Layer], workspace: Workspace, *, user_file: Path) -> None:
    values = {key: deciding.values[key] for key, deciding in below.items()}
    for key, value in layer.values.items():
        if (reason := objection(key, value, values, trusted=workspace.trusted)) is not None:
            name = ".".join(key)
            advice = "Remove it."
            if key[0] not in ("trusted_folders", "tools", "policy", "retention"):
                advice = f'Remove it, or trust the folder: add "{workspace.root}" to trusted_folders in {user_file}.'
            raise invalid(f"a workspace file may not set {name}: {reason}. {advice}", layer.locate(key), name)
