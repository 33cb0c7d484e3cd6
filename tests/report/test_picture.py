"""Everything of the plan is in the picture, once, and nothing else gets in."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from cerebros.plan import Dense, Draft, Dropout, NetworkPlan, Normalize
from cerebros.report import network_to_html, network_to_svg, write_picture
from cerebros.report._layout import Layout, lay_out

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "<script>alert(1)</script>\"' onload=x </title></style> {plan} & \x00\ud800"


def rich_plan() -> NetworkPlan:
    """Two inputs, two outputs, gates, laterals, copies, skips, and a sum."""
    net = Draft()
    table, text = net.input(12), net.input(384)
    a = net.unit(table, Normalize(), Dense(8, "elu"))
    b = net.unit([text.times(3), a.gated("sigmoid")], Normalize(), Dense(16), level=1)
    c = net.unit([table, b, a], Normalize(), Dense(8, "elu"), level=1)
    d = net.unit([a, c], Dropout(0.1), Dense(8, "relu"), merge="add")
    e = net.unit([b.times(40), c.gated("tanh"), c, d, text], Dense(24), level=2)
    price = net.unit([e.times(2), d, table], Normalize(), Dense(1))
    sold = net.unit([a, e, d.gated("sigmoid")], Dense(1, "sigmoid"), level=3)
    return net.plan([price, sold])


def odd_plan() -> NetworkPlan:
    """Scattered level labels, reads to the left, a stepless unit, an early output."""
    net = Draft()
    x, y = net.input(5), net.input(5)
    a = net.unit([x, y], merge="add", level=7)
    b = net.unit(a, Dense(3), level=2)
    c = net.unit([b, b.gated("tanh"), a.times(9)], Dense(4, "relu"), level=12)
    d = net.unit(b, Dense(1200, "relu"), level=2)
    e = net.unit([c, x, d], Dense(2, "softmax"), level=12)
    return net.plan([d, e])


def smallest_plan() -> NetworkPlan:
    net = Draft()
    return net.plan(net.unit(net.input(1), Dense(1)))


def dense_plan() -> NetworkPlan:
    """Six levels of ten units, each reading a third of everything before it."""
    rng = random.Random(3)
    net = Draft()
    nodes = [net.input(38)]
    for level in range(1, 7):
        before = list(nodes)
        for _ in range(10):
            read = [node for node in before if rng.random() < 0.33] or before[-1:]
            lateral = [] if rng.random() < 0.5 else nodes[len(before) :]
            steps = Normalize(), Dense(rng.randint(2, 30), "elu")
            nodes.append(net.unit([*read, *lateral], *steps, level=level))
    return net.plan(net.unit(nodes, Dense(1), level=7))


PLANS = [rich_plan(), odd_plan(), smallest_plan(), dense_plan()]
each_plan = pytest.mark.parametrize(
    "plan", PLANS, ids=["rich", "odd", "smallest", "dense"]
)


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


def drawn(plan: NetworkPlan, css_class: str) -> list[ElementTree.Element]:
    root = ElementTree.fromstring(network_to_svg(plan))
    groups = root.iter(f"{SVG}g")
    return [g for g in groups if css_class in g.get("class", "").split()]


@each_plan
def test_every_node_is_drawn_once(plan: NetworkPlan) -> None:
    nodes = [int(g.get("data-node", "")) for g in drawn(plan, "node")]
    assert nodes == list(range(plan.n_nodes))


@each_plan
def test_every_connection_is_drawn_once(plan: NetworkPlan) -> None:
    expected = Counter(
        (c.source, node, c.copies, c.gate)
        for node, unit in plan.nodes()
        for c in unit.connections
    )
    found = Counter(
        (
            int(g.get("data-source", "")),
            int(g.get("data-target", "")),
            int(g.get("data-copies", "")),
            g.findtext(f"{SVG}text"),
        )
        for g in drawn(plan, "connection")
    )
    assert found == expected


@each_plan
def test_lateral_connections_stay_in_their_level(plan: NetworkPlan) -> None:
    lateral = {
        (c.source, node)
        for node, unit in plan.nodes()
        for c in unit.connections
        if plan.level(c.source) == unit.level
    }
    groups = drawn(plan, "connection")
    marked = {
        (int(g.get("data-source", "")), int(g.get("data-target", "")))
        for g in groups
        if "lateral" in g.get("class", "")
    }
    assert marked == lateral


def test_gates_have_a_mark_and_a_name() -> None:
    gated = drawn(rich_plan(), "gated")
    connections = [g for g in gated if "connection" in g.get("class", "")]
    names = sorted(str(g.findtext(f"{SVG}text")) for g in connections)
    assert names == ["sigmoid", "sigmoid", "tanh"]
    assert all(g.find(f"{SVG}path[@class='gate']") is not None for g in connections)


def test_more_copies_are_drawn_thicker() -> None:
    widths = {}
    for g in drawn(rich_plan(), "connection"):
        line = g.find(f"{SVG}path[@class='line']")
        assert line is not None
        widths[int(g.get("data-copies", ""))] = float(line.get("stroke-width", ""))
    ordered = [width for _, width in sorted(widths.items())]
    assert all(thin < thick for thin, thick in pairwise(ordered))
    assert ordered[-1] < 12


def test_merges_outputs_and_stepless_units_are_marked() -> None:
    classes = {
        int(g.get("data-node", "")): g.get("class", "").split()
        for g in drawn(odd_plan(), "node")
    }
    assert classes[2] == ["node", "unit", "add", "passes-on"]
    assert [node for node, c in classes.items() if "output" in c] == [5, 6]


@each_plan
def test_headers_name_the_levels(plan: NetworkPlan) -> None:
    root = ElementTree.fromstring(network_to_svg(plan))
    headers = [t.text for t in root.iter(f"{SVG}text") if t.get("class") == "level"]
    assert headers[0] == "inputs"
    assert len(headers) == 1 + len({unit.level for unit in plan.units})


def test_last_level_is_called_outputs_only_if_all_its_units_are() -> None:
    assert ">outputs<" in network_to_svg(rich_plan())
    svg = network_to_svg(odd_plan())
    assert ">outputs<" not in svg
    assert ">level 12<" in svg


def overlaps(layout: Layout) -> list[tuple[int, int]]:
    boxes = layout.boxes
    return [
        (a.node, b.node)
        for i, a in enumerate(boxes)
        for b in boxes[i + 1 :]
        if a.x < b.right and b.x < a.right and a.y < b.bottom and b.y < a.bottom
    ]


@each_plan
def test_boxes_and_passing_wires_keep_apart(plan: NetworkPlan) -> None:
    layout = lay_out(plan)
    assert not overlaps(layout)
    for wire in (wire for wire in layout.wires if wire.link.passes):
        for (column, _), level in zip(wire.link.passes, wire.curves[1::2], strict=True):
            y = level[0][1]
            boxes = layout.columns[column].boxes
            assert not any(box.y < y < box.bottom for box in boxes)


@each_plan
def test_wires_end_at_their_boxes(plan: NetworkPlan) -> None:
    layout = lay_out(plan)
    for wire in layout.wires:
        source, target = layout.boxes[wire.link.source], layout.boxes[wire.link.target]
        (x, y), (end_x, end_y) = wire.curves[0][0], wire.curves[-1][-1]
        assert x in (source.x, source.right)
        assert end_x == target.x
        assert source.y < y < source.bottom
        assert target.y < end_y < target.bottom


@each_plan
def test_parameters_of_the_units_sum_up(plan: NetworkPlan) -> None:
    assert sum(plan.n_parameters_of(n) for n, _ in plan.nodes()) == plan.n_parameters


@each_plan
def test_equal_plans_give_equal_text(plan: NetworkPlan) -> None:
    again = NetworkPlan(plan.input_widths, plan.units, plan.outputs)
    assert network_to_svg(plan, title="x") == network_to_svg(again, title="x")
    assert network_to_html(plan, title="x") == network_to_html(again, title="x")


@each_plan
def test_page_describes_every_node(plan: NetworkPlan) -> None:
    page = Page(network_to_html(plan))
    ids = [attributes.get("id") for _, attributes in page.tags]
    named = [name for name in ids if name]
    assert len(named) == len(set(named))
    assert {f"about-{node}" for node in range(plan.n_nodes)} < set(named)
    targets = {
        (attributes["href"] or "").removeprefix("#")
        for tag, attributes in page.tags
        if tag == "a"
    }
    assert targets <= set(named)


def test_page_shows_notes_and_the_plan_in_words() -> None:
    page = Page(network_to_html(rich_plan(), title="Trial 3", notes={"score": "0.5"}))
    for text in ("Trial 3", "score", "0.5", "adds 2, 4 (8 features)"):
        assert text in page.words


@each_plan
def test_nothing_is_loaded_from_elsewhere(plan: NetworkPlan) -> None:
    for text in (network_to_html(plan), network_to_svg(plan)):
        addresses = set(re.findall(r"[a-z]+://[^\s\"'<]+", text))
        assert addresses <= {"http://www.w3.org/2000/svg"}
        assert not re.search(r"@import|url\(|\ssrc=|<link|<iframe|fetch\(", text)
    policy = "default-src 'none'; style-src 'sha256-"
    assert f'http-equiv="Content-Security-Policy" content="{policy}' in network_to_html(
        plan
    )


def test_hostile_words_stay_words() -> None:
    plan = rich_plan()
    plain = Page(network_to_html(plan, title="x", notes={"x": "x"}))
    text = network_to_html(plan, title=HOSTILE, notes={HOSTILE: HOSTILE})
    hostile = Page(text)
    assert [tag for tag, _ in hostile.tags] == [tag for tag, _ in plain.tags]
    assert hostile.count("script") == hostile.count("style") == 1
    assert HOSTILE[:60] in hostile.words
    text.encode()  # the lone surrogate is gone

    svg = network_to_svg(plan, title=HOSTILE, notes={HOSTILE: HOSTILE})
    root = ElementTree.fromstring(svg.encode())
    assert not list(root.iter(f"{SVG}script"))
    assert HOSTILE[:60] in str(root.findtext(f"{SVG}title"))


@pytest.mark.parametrize(("name", "start"), [("a.svg", "<svg"), ("b.HTML", "<!DOC")])
def test_picture_is_written_under_its_name_alone(
    tmp_path: Path, name: str, start: str
) -> None:
    path = tmp_path / name
    path.write_text("older")
    assert write_picture(path, smallest_plan(), title="x") == path
    assert path.read_text("utf-8").startswith(start)
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_other_kinds_of_pictures_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"ends in \.html or \.svg, but it is 'a.png'"):
        write_picture(tmp_path / "a.png", smallest_plan())
    assert not list(tmp_path.iterdir())


def test_report_loads_no_backend() -> None:
    code = (
        "import sys, cerebros.report\n"
        "print([m for m in ('numpy', 'keras', 'jax') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


BROWSER = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))),
    None,
)
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.mark.browser
@pytest.mark.skipif(BROWSER is None, reason="no Chromium found")
def test_page_selects_the_unit_of_its_address(tmp_path: Path) -> None:
    path = write_picture(
        tmp_path / "network.html", rich_plan(), title=HOSTILE, notes={HOSTILE: HOSTILE}
    )
    address = f"{path.as_uri()}#unit-6"
    result = subprocess.run(
        [
            str(BROWSER),
            *FLAGS,
            f"--user-data-dir={tmp_path / 'profile'}",
            "--dump-dom",
            address,
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    page = Page(result.stdout)
    by_id = {a["id"]: a for _, a in page.tags if "id" in a}
    assert "selected" in str(by_id["unit-6"]["class"]).split()
    assert by_id["unit-6"]["aria-pressed"] == "true"
    assert "read" in str(by_id["unit-5"]["class"]).split()
    assert "reader" in str(by_id["unit-8"]["class"]).split()
    articles = [a for tag, a in page.tags if tag == "article"]
    assert [a["id"] for a in articles if "hidden" not in a] == ["about-6"]

    connections = [a for _, a in page.tags if "data-source" in a]
    incoming = [a for a in connections if "incoming" in str(a["class"])]
    outgoing = [a for a in connections if "outgoing" in str(a["class"])]
    assert {a["data-source"] for a in incoming} == {"1", "3", "4", "5"}
    assert len(incoming) == 5
    assert {a["data-target"] for a in outgoing} == {"7", "8"}
