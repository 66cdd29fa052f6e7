"""The manifests of the documentation hold what those who read them require, and nothing that they do not know."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import jsonschema
import yaml

ROOT: Final = Path(__file__).parents[2]
BLOCK: Final = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)


def manifests() -> list[dict[str, Any]]:
    """Return the manifests of docs/fleet.md."""
    return [yaml.safe_load(block) for block in BLOCK.findall((ROOT / "docs/fleet.md").read_text())]


def of(**fields: object) -> dict[str, Any]:
    """Return the schema of an object that has these fields and no other; a name with "_" at its end may be missing."""
    known = {name.rstrip("_"): schema for name, schema in fields.items()}
    required = [name for name in fields if not name.endswith("_")]
    return {"type": "object", "properties": known, "required": required, "additionalProperties": False}


TEXT: Final = {"type": "string", "minLength": 1}
TEXTS: Final = {"type": "object", "additionalProperties": TEXT}


def some(schema: object) -> dict[str, Any]:
    return {"type": "array", "items": schema, "minItems": 1}


CONTAINER: Final = of(
    name=TEXT,
    image=TEXT,
    env_=some(of(name=TEXT, value=TEXT)),
    volumeMounts_=some(of(name=TEXT, mountPath=TEXT)),
)
POD: Final = of(
    spec=of(containers=some(CONTAINER), volumes_=some(of(name=TEXT, persistentVolumeClaim=of(claimName=TEXT)))),
)
RAY_CLUSTER: Final = of(
    apiVersion={"const": "ray.io/v1"},
    kind={"const": "RayCluster"},
    metadata=of(name=TEXT),
    spec=of(
        rayVersion=TEXT,
        authOptions=of(mode={"enum": ["token"]}),
        headGroupSpec=of(rayStartParams=TEXTS, template=POD),
        workerGroupSpecs=some(of(groupName=TEXT, replicas={"type": "integer"}, rayStartParams=TEXTS, template=POD)),
    ),
)
"""What there is of a `RayCluster`: what ray.io/v1 has without a default is required, what is not used here is left out.

KubeRay's own schema holds that of a pod as well, and has some 20,000 lines.
"""

COMPOSE: Final = of(
    services={
        "type": "object",
        "additionalProperties": of(
            image=TEXT, command=TEXT, environment=TEXTS, secrets=some(TEXT), networks=some(TEXT)
        ),
    },
    networks={"type": "object"},
    secrets={"type": "object", "additionalProperties": of(file=TEXT)},
)


def manifest(key: str) -> dict[str, Any]:
    [found] = [each for each in manifests() if key in each]
    return found


def test_the_manifest_for_kuberay_is_a_ray_cluster() -> None:
    cluster = manifest("kind")
    jsonschema.validate(cluster, RAY_CLUSTER)
    for group in cluster["spec"]["workerGroupSpecs"]:
        pod = group["template"]["spec"]
        mounted = {mount["name"] for each in pod["containers"] for mount in each.get("volumeMounts", ())}
        assert mounted == {volume["name"] for volume in pod["volumes"]}


def test_the_manifest_for_compose_keeps_the_fleet_inside_and_gives_each_node_the_token() -> None:
    found = manifest("services")
    jsonschema.validate(found, COMPOSE)
    for service in found["services"].values():
        assert set(service["networks"]) <= found["networks"].keys()
        assert set(service["secrets"]) <= found["secrets"].keys()
        assert service["environment"]["RAY_AUTH_MODE"] == "token"
        assert service["environment"]["RAY_AUTH_TOKEN_PATH"] in {f"/run/secrets/{name}" for name in service["secrets"]}
    assert all(network["internal"] for network in found["networks"].values())
    commands = " ".join(str(service["command"]) for service in found["services"].values())
    assert re.findall(r'"agent_host:(\w+)"', commands) == ["alpha", "beta"]


def test_the_version_of_ray_is_the_one_that_the_package_pins() -> None:
    pinned = re.findall(r'"ray==([\d.]+)', (ROOT / "packages/agent-fleet/pyproject.toml").read_text())
    assert [manifest("kind")["spec"]["rayVersion"]] == pinned
