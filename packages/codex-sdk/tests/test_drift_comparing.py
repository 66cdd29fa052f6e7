"""A comparison names what is new, gone and changed, and says what of it the SDK uses and cannot do without."""

from __future__ import annotations

from dataclasses import replace

import pytest

from codex_sdk.drift import Change, Drift, Surface, compare, shipped_surface
from codex_sdk.drift.protocol_usage import Used
from codex_sdk.drift.report import ChangeKind, Effect
from codex_sdk.drift.surface import Field, Fields, Method, Shape

USED = Used(
    methods=frozenset({"go", "stop", "asked", "told", "ready"}),
    fields=frozenset({"a", "deep", "kind"}),
    values=frozenset({"on", "v"}),
    needed=frozenset({"go", "a", "on"}),
    not_meant=frozenset({"Deep.a"}),
)


def must(type_: str) -> Field:
    return Field(type_, required=True)


def surface(version: str = "1.0.0", /, **shapes: Shape) -> Surface:
    """A protocol in which `go` is needed, `stop` is used, and `other` is not."""
    table = {name: Method(f"{name.title()}Params", f"{name.title()}Response") for name in ("go", "stop", "other")}
    empty = {name: Shape() for method in table.values() for name in (method.params, method.response) if name}
    told = {"told": Method("Told")}
    return Surface(
        version,
        client_requests=table,
        server_requests={"asked": Method("Asked", "Answer")},
        server_notifications=told,
        client_notifications={"ready": Method()},
        shapes={**empty, "Told": Shape(), "Asked": Shape(), "Answer": Shape(), **shapes},
    )


def drift(before: dict[str, Shape], after: dict[str, Shape]) -> Drift:
    return compare(surface(**before), surface("2.0.0", **after), USED)


def changes(before: dict[str, Shape], after: dict[str, Shape]) -> list[tuple[str, ChangeKind, str, bool, Effect]]:
    return [(c.subject, c.kind, c.detail, c.used, c.effect) for c in drift(before, after).changes]


def fields(owner: str, before: Fields, after: Fields) -> list[tuple[str, ChangeKind, str, bool, Effect]]:
    return changes({owner: Shape(fields=before)}, {owner: Shape(fields=after)})


def test_equal_protocols_have_no_difference() -> None:
    found = compare(surface(), surface(), USED)
    assert (found.verdict, found.changes, found.summary().compatible, found.summary().runs) == ("same", (), True, True)


@pytest.mark.parametrize(
    ("name", "verdict", "effect"),
    [("go", "incompatible", "fatal"), ("stop", "reduced", "less"), ("other", "compatible", "none")],
)
def test_a_request_that_is_gone_weighs_as_much_as_it_is_used(name: str, verdict: str, effect: Effect) -> None:
    before = surface()
    left = {key: method for key, method in before.client_requests.items() if key != name}
    found = compare(before, replace(before, version="2.0.0", client_requests=left), USED)
    assert found.changes == (Change(name, "removed", "request", name != "other", effect),)
    assert found.verdict == verdict
    assert found.summary().runs is (verdict != "incompatible")
    assert found.summary().compatible is (verdict == "compatible")


def test_a_request_that_is_only_answered_is_not_missed_where_nobody_makes_it_any_more() -> None:
    asked = replace(surface(), server_requests={"ask": Method()})
    used = replace(USED, methods=USED.methods | {"ask"}, spared=frozenset({"ask"}))
    found = compare(asked, replace(asked, version="2.0.0", server_requests={}), used)
    assert found.changes == (Change("ask", "removed", "request of the server", used=True, effect="none"),)
    assert found.verdict == "compatible"


def test_new_methods_are_named_and_do_no_harm() -> None:
    after = surface()
    after = replace(
        after,
        client_requests={**after.client_requests, "more": Method()},
        server_requests={**after.server_requests, "ask": Method()},
        server_notifications={**after.server_notifications, "tell": Method()},
        client_notifications={**after.client_notifications, "hello": Method()},
    )
    found = compare(surface(), after, USED)
    assert found.summary().added == (
        "ask (request of the server)",
        "hello (notification of the client)",
        "more (request)",
        "tell (notification)",
    )
    assert found.verdict == "compatible"
    assert found.summary().problems == ()


def test_a_method_that_lost_its_params_or_became_experimental_is_changed() -> None:
    after = surface()
    found = compare(
        after,
        replace(after, client_requests={**after.client_requests, "stop": Method(None, "StopResponse", True)}),
        USED,
    )
    assert [(str(c), c.effect) for c in found.changes] == [
        ("stop: changed (request, experimental now)", "none"),
        ("stop params: changed (StopParams is now none)", "less"),
    ]


@pytest.mark.parametrize(
    ("owner", "name", "used", "effect"),
    [
        ("GoParams", "a", True, "fatal"),
        ("GoParams", "deep", True, "less"),
        ("GoParams", "z", False, "none"),
        ("GoResponse", "a", True, "fatal"),
        ("StopParams", "a", True, "less"),
        ("OtherParams", "a", False, "none"),
        ("Told", "a", True, "less"),
        ("Answer", "a", True, "less"),
    ],
)
def test_a_field_that_is_gone_weighs_as_much_as_it_is_used(owner: str, name: str, used: bool, effect: Effect) -> None:
    assert fields(owner, {name: Field("string")}, {}) == [(f"{owner}.{name}", "removed", "field", used, effect)]


def test_a_new_field_is_an_addition_unless_we_have_to_send_it() -> None:
    assert fields("GoParams", {}, {"x": Field("string")}) == [("GoParams.x", "added", "field", False, "none")]
    assert fields("GoResponse", {}, {"x": must("string")}) == [("GoResponse.x", "added", "field", False, "none")]
    assert fields("GoParams", {}, {"x": must("string")}) == [("GoParams.x", "added", "field, required", True, "fatal")]
    assert fields("Answer", {}, {"x": must("string")}) == [("Answer.x", "added", "field, required", True, "less")]
    assert fields("OtherParams", {}, {"x": must("string")}) == [
        ("OtherParams.x", "added", "field, required", False, "none")
    ]


def test_a_field_that_becomes_required_hurts_only_who_does_not_send_it() -> None:
    now = "field, required now"
    optional, required = {"a": Field("string"), "z": Field("string")}, {"a": must("string"), "z": must("string")}
    assert fields("GoParams", optional, required) == [
        ("GoParams.a", "changed", now, True, "none"),
        ("GoParams.z", "changed", now, True, "fatal"),
    ]
    assert fields("Told", required, optional) == [
        ("Told.a", "changed", "field, optional now", True, "none"),
        ("Told.z", "changed", "field, optional now", False, "none"),
    ]


def test_a_field_that_becomes_experimental_is_named() -> None:
    before, after = {"a": Field("string")}, {"a": Field("string", experimental=True)}
    assert fields("GoParams", before, after) == [("GoParams.a", "changed", "field, experimental now", True, "none")]
    assert fields("GoParams", after, before) == [("GoParams.a", "changed", "field, stable now", True, "none")]


@pytest.mark.parametrize(
    ("before", "after", "sent", "read"),
    [
        ("string", "integer", "less", "less"),
        ("string", "null | string", "none", "none"),
        ("null | string", "string", "less", "none"),
        ("string", "integer | string", "none", "less"),
        ("[string]", "[integer]", "less", "less"),
        ("{string}", "{integer}", "less", "less"),
        ("[string]", "string", "less", "less"),
        ("string", "Mode", "less", "none"),
        ("Mode", "string", "none", "none"),
        ("Mode", "integer", "less", "less"),
    ],
)
def test_what_we_send_must_be_taken_and_what_we_read_must_be_as_before(
    before: str, after: str, sent: Effect, read: Effect
) -> None:
    mode = {"Mode": Shape(values=("on", "off"))}
    for owner, effect in (("StopParams", sent), ("StopResponse", read)):
        old, new = {owner: Shape(fields={"a": Field(before)})}, {owner: Shape(fields={"a": Field(after)})}
        found = changes({**old, **mode}, {**new, **mode})
        assert [(change[0], change[1], *change[3:]) for change in found] == [(f"{owner}.a", "changed", True, effect)]


def test_values_and_variants_are_compared_where_they_are_used() -> None:
    before = {"GoParams": Shape(fields={"a": Field("Mode"), "deep": Field("Kind")})}
    modes = {"Mode": Shape(values=("on", "off"))}
    kinds = {"Kind": Shape(variants={"v": {}, "w": {}}, tag="type")}
    new = {"Mode": Shape(values=("auto",)), "Kind": Shape(variants={"x": {}}, tag="type")}
    assert changes({**before, **modes, **kinds}, {**before, **new}) == [
        ('Kind "v"', "removed", "variant", True, "less"),
        ('Kind "w"', "removed", "variant", False, "none"),
        ('Kind "x"', "added", "variant", False, "none"),
        ('Mode "auto"', "added", "value", False, "none"),
        ('Mode "off"', "removed", "value", False, "none"),
        ('Mode "on"', "removed", "value", True, "fatal"),
    ]


def test_fields_of_a_variant_and_the_tag_are_compared() -> None:
    owner = {"StopResponse": Shape(fields={"a": Field("Kind")})}
    old = {"Kind": Shape(variants={"v": {"a": Field("string")}, "w": {"a": Field("string")}}, tag="type")}
    new = {"Kind": Shape(variants={"v": {}, "w": {}}, tag="kind")}
    assert changes({**owner, **old}, {**owner, **new}) == [
        ("Kind", "changed", "tag type is now kind", True, "less"),
        ("Kind.v.a", "removed", "field", True, "less"),
        ("Kind.w.a", "removed", "field", False, "none"),
    ]


def test_a_shape_that_was_only_renamed_is_no_difference() -> None:
    def protocol(name: str) -> dict[str, Shape]:
        return {"GoParams": Shape(fields={"a": Field(f"[{name}] | null")}), name: Shape(fields={"a": Field("string")})}

    assert changes(protocol("Thing"), protocol("Item")) == []


def test_another_name_for_a_type_is_no_difference() -> None:
    plain = {"GoParams": Shape(fields={"a": Field("string")})}
    named = {"GoParams": Shape(fields={"a": Field("Path")}), "Path": Shape(alias="string")}
    assert changes(plain, named) == []


def test_what_a_union_may_be_besides_is_compared() -> None:
    owner = {"StopParams": Shape(fields={"a": Field("Open")})}

    def besides(before: str | None, after: str | None) -> list[tuple[str, Effect]]:
        old, new = ({"Open": Shape(values=("on",), alias=alias)} for alias in (before, after))
        return [(c.detail, c.effect) for c in drift({**owner, **old}, {**owner, **new}).changes]

    assert besides("string", "string") == []
    assert besides("string", "integer") == [("string is now integer", "less")]
    assert besides("string", None) == [("string is now nothing else", "none")]
    assert besides(None, "string") == [("nothing else is now string", "none")]


def test_a_place_that_only_shares_a_name_with_what_is_used_does_not_count() -> None:
    owner = {"GoParams": Shape(fields={"a": Field("Deep")})}
    old, new = {"Deep": Shape(fields={"a": Field("string")})}, {"Deep": Shape()}
    assert changes({**owner, **old}, {**owner, **new}) == [("Deep.a", "removed", "field", False, "none")]


def test_a_shape_in_several_places_is_named_once_and_weighed_by_the_worst() -> None:
    owners = {name: Shape(fields={"a": Field("Kind")}) for name in ("OtherParams", "StopParams", "GoParams")}
    old, new = {"Kind": Shape(fields={"a": Field("string")})}, {"Kind": Shape()}
    assert changes({**owners, **old}, {**owners, **new}) == [("Kind.a", "removed", "field", True, "fatal")]
    unordered = {"StopResponse": owners["StopParams"], "GoParams": owners["GoParams"]}
    assert changes({**unordered, **old}, {**unordered, **new})[0][4] == "fatal"


def test_a_shape_that_holds_itself_is_compared_once() -> None:
    owner = {"GoParams": Shape(fields={"a": Field("Tree")})}
    old = {"Tree": Shape(fields={"deep": Field("[Tree]"), "z": Field("string")})}
    new = {"Tree": Shape(fields={"deep": Field("[Tree]")})}
    assert changes({**owner, **old}, {**owner, **new}) == [("Tree.z", "removed", "field", False, "none")]


@pytest.mark.parametrize("method", ["turn/start", "thread/start", "item/completed"])
def test_without_what_a_session_needs_the_shipped_protocol_is_incompatible(method: str) -> None:
    shipped = shipped_surface()
    for kind in ("client_requests", "server_notifications"):
        left = {name: entry for name, entry in shipped.methods(kind).items() if name != method}
        if len(left) < len(shipped.methods(kind)):
            assert compare(shipped, replace(shipped, **{kind: left})).verdict == "incompatible"


def test_a_newer_protocol_with_more_of_everything_is_compatible() -> None:
    shipped = shipped_surface()
    item = shipped.shapes["ThreadItem"]
    shapes = {
        **shipped.shapes,
        "ThreadItem": replace(item, variants={**item.variants, "dream": {"id": must("string")}}),
    }
    newer = replace(
        shipped, version="9.0.0", shapes=shapes, client_requests={**shipped.client_requests, "thread/dream": Method()}
    )
    found = compare(shipped, newer)
    assert found.verdict == "compatible"
    assert found.summary().added == ('ThreadItem "dream" (variant)', "thread/dream (request)")
