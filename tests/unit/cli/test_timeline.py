from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pytest

from dispatcher.campaigns.forecast import forecast
from dispatcher.cli.timeline import ASCII, SHADES, Timeline, in_text, short, timeline
from dispatcher.cli.timeline_svg import in_svg
from dispatcher.window import Windows
from dispatcher.window.territories import TERRITORIES

PARIS = ZoneInfo("Europe/Paris")
WINDOWS = Windows()
#: half an hour before closing, before a Sunday with a clock change and Easter Monday
SATURDAY = datetime(2027, 3, 27, 19, 30, tzinfo=PARIS)
SVG = "{http://www.w3.org/2000/svg}"


def campaign(
    groups: dict[str, int], days: int, *, now: datetime = SATURDAY, rate: float = 1 / 60
) -> Timeline:
    """The timeline of that many batches of 500 for each territory."""
    sizes = {territory: [500] * batches for territory, batches in groups.items()}
    leaves = forecast(sizes, start=now, rate=rate, windows=WINDOWS)
    return timeline(groups, windows=WINDOWS, now=now, days=days, forecast=leaves)


def week(territory: str = "metropole", now: datetime = SATURDAY, days: int = 7) -> Timeline:
    return timeline([territory], windows=WINDOWS, now=now, days=days)


# -- what it holds


def test_spans_follow_each_other_and_say_why_they_are_closed() -> None:
    (row,) = week(days=4).rows

    assert [
        (f"{span.starts.astimezone(PARIS):%a %H}", f"{span.ends.astimezone(PARIS):%a %H}", span.why)
        for span in row.spans
    ] == [
        ("Sat 00", "Sat 08", "before 08:00"),
        ("Sat 08", "Sat 20", ""),
        ("Sat 20", "Tue 08", "Sunday, Easter Monday"),
        ("Tue 08", "Tue 20", ""),
        ("Tue 20", "Wed 00", "after 20:00"),
    ]


@pytest.mark.parametrize("territory", TERRITORIES)
@pytest.mark.parametrize(
    "now",
    [
        pytest.param(datetime(2026, 10, 23, 9, tzinfo=PARIS), id="a day of 25 hours"),
        pytest.param(datetime(2027, 3, 26, 9, tzinfo=PARIS), id="a day of 23 hours"),
        pytest.param(datetime(2026, 6, 12, 9, tzinfo=PARIS), id="summer"),
    ],
)
def test_spans_of_a_row_cover_its_days_without_a_gap(territory: str, now: datetime) -> None:
    line = week(territory, now)
    spans = line.rows[0].spans

    assert spans[0].starts == line.start
    assert spans[-1].ends == line.end
    assert [span.ends for span in spans[:-1]] == [span.starts for span in spans[1:]]
    for span in spans:
        assert span.starts < span.ends


def test_days_begin_at_midnight_in_paris_through_a_clock_change() -> None:
    line = week(days=4)

    assert [f"{day:%d %H:%M %z}" for day in line.days] == [
        "27 00:00 +0100",
        "28 00:00 +0100",
        "29 00:00 +0200",
        "30 00:00 +0200",
    ]
    assert line.end.astimezone(UTC) == datetime(2027, 3, 30, 22, tzinfo=UTC)


def test_clocks_without_common_opening_are_closed_with_reason() -> None:
    (row,) = week("polynesie-francaise", datetime(2027, 6, 15, 10, tzinfo=PARIS)).rows

    assert [span.is_open for span in row.spans] == [False]
    assert "no opening common to Paris and French Polynesia" in row.spans[0].why


def test_timeline_of_transactional_campaign_has_no_closed_span() -> None:
    (row,) = timeline(["metropole"], windows=None, now=SATURDAY, days=3).rows

    assert [span.is_open for span in row.spans] == [True]


def test_departures_beyond_the_days_shown_are_left_out() -> None:
    assert [len(row.departures) for row in campaign({"metropole": 40}, 2).rows] == [1]
    assert [len(row.departures) for row in campaign({"metropole": 40}, 4).rows] == [2]


# -- on a terminal


def test_timeline_on_terminal_shows_closed_hours_and_departures() -> None:
    drawn = in_text(campaign({"metropole": 40, "la-reunion": 2}, 4), 72)

    assert drawn == [
        "                     Sat 27 Mar  Sun 28 Mar  Mon 29 Mar  Tue 30 Mar",
        "                         8 12 ▼20    8 12  20    8 12  20    8 12  20",
        "Metropolitan France  ░░░░     █15k░░░░░░░░░░░░░░░░░░░░░░░░░░░█5,000░░",
        "La Réunion (+3 h)    ░░░░     ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░█1,000░░",
    ]


def test_wider_terminal_shows_finer_hours() -> None:
    line = week(days=2, now=datetime(2026, 11, 24, 10, tzinfo=PARIS))

    assert in_text(line, 69)[2] == (
        "Metropolitan France  ░░░░░░░░            ░░░░░░░░░░░░            ░░░░"
    )
    assert in_text(line, 68)[2] == "Metropolitan France  ░░░░      ░░░░░░      ░░"
    assert in_text(line, 44)[2] == "Metropolitan France  ░░   ░░░   ░"


def test_days_that_do_not_fit_continue_below_in_weeks() -> None:
    drawn = in_text(week(days=10), 70)

    assert [line.split() for line in (drawn[0], drawn[4])] == [
        ["Sa", "27", "Su", "28", "Mo", "29", "Tu", "30", "We", "31", "Th", "1", "Fr", "2"],
        ["Sa", "3", "Su", "4", "Mo", "5"],
    ]
    assert drawn[3] == ""
    assert len(drawn) == 7


@pytest.mark.parametrize("width", [1, 20, 40, 60, 80, 120, 250])
@pytest.mark.parametrize("days", [1, 7, 31])
def test_no_line_is_wider_than_the_terminal(width: int, days: int) -> None:
    groups = dict.fromkeys(("metropole", "guadeloupe", "saint-pierre-et-miquelon"), 30)
    drawn = in_text(campaign(groups, days), width)

    # the longest name, its clock, and a day
    assert max(map(len, drawn)) <= max(width, len("Saint-Pierre-et-Miquelon (-4 h)") + 2 + 6 + 1)


def test_ascii_terminal_gets_ascii_characters() -> None:
    drawn = "\n".join(in_text(campaign({"metropole": 40}, 4), 80, ASCII))

    assert drawn.isascii()
    assert not set(drawn) & set(SHADES.closed + SHADES.leaves + SHADES.now)
    assert "#15k:::" in drawn


def test_now_is_shown_on_its_own_day_only() -> None:
    line = timeline(
        ["metropole"],
        windows=WINDOWS,
        now=SATURDAY,
        start=SATURDAY + timedelta(days=30),
        days=3,
    )

    assert SHADES.now not in "\n".join(in_text(line, 100))


@pytest.mark.parametrize(
    ("count", "output"),
    [
        (0, "0"),
        (950, "950"),
        (9999, "9,999"),
        (10_000, "10k"),
        (999_999, "999k"),
        (1_240_000, "1.2M"),
    ],
)
def test_count_has_at_most_five_characters(count: int, output: str) -> None:
    assert short(count) == output


# -- as a picture


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def titled(root: ElementTree.Element, words: str) -> list[dict[str, str]]:
    """The attributes of the shapes whose own title holds these words."""
    return [shape.attrib for shape in root.iter() if words in (shape.findtext(f"{SVG}title") or "")]


def test_svg_describes_its_content_in_words() -> None:
    root = parsed(in_svg(campaign({"metropole": 40}, 4), title="Who & when <soon>"))

    assert root.attrib["role"] == "img"
    named = root.attrib["aria-labelledby"].split()
    title, desc = root.findall(f"{SVG}title") + root.findall(f"{SVG}desc")
    assert [title.attrib["id"], desc.attrib["id"]] == named
    assert title.text == "Who & when <soon>"
    assert desc.text == (
        "4 days from Saturday 27 March 2027, on the clock of Paris."
        " Metropolitan France: 15,000 messages from Saturday 27 March 19:30."
        " Metropolitan France: 5,000 messages from Tuesday 30 March 08:00 (Sunday, Easter Monday)."
    )


def test_svg_loads_no_file_and_holds_no_script() -> None:
    svg = in_svg(campaign({"metropole": 40, "la-reunion": 3}, 7), title="t")

    assert re.findall(r"https?://[^\s\"<]+", svg) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"<(script|image|foreignObject|style|link)|href|@import|\bon\w+=", svg)
    assert set(re.findall(r"url\(([^)]*)\)", svg)) == {"#closed"}


def test_svg_shades_closed_spans_through_a_clock_change() -> None:
    root = parsed(in_svg(campaign({"metropole": 40}, 4), title="t"))
    (easter,) = titled(root, "closed: Sunday, Easter Monday")
    (before,) = titled(root, "closed: before 08:00")
    tuesday = titled(root, "from Tuesday 30 March 08:00")[0]
    hour = float(before["width"]) / 8

    # from Saturday 20:00 to Tuesday 08:00 on the wall clock
    assert float(easter["width"]) == pytest.approx(60 * hour, rel=1e-3)
    end = float(easter["x"]) + float(easter["width"])
    assert float(tuesday["x"]) == pytest.approx(end, abs=0.2)


@pytest.mark.parametrize("days", [1, 3, 7, 14, 31])
def test_every_svg_element_is_inside_the_picture(days: int) -> None:
    groups = dict.fromkeys(TERRITORIES, 3)
    groups.pop("polynesie-francaise")  # closed in summer
    line = campaign(groups, days, rate=5)
    root = parsed(in_svg(line, title="t"))
    width, height = (float(root.attrib[name]) for name in ("width", "height"))

    for shape in root.iter():
        if shape.tag == f"{SVG}rect" and "x" in shape.attrib:
            box = {name: float(shape.attrib[name]) for name in ("x", "y", "width", "height")}
            assert box["width"] > 0
            assert 0 <= box["x"] <= box["x"] + box["width"] <= width
            assert 0 <= box["y"] <= box["y"] + box["height"] <= height
        if shape.tag == f"{SVG}text":
            assert 0 <= float(shape.attrib["x"]) <= width
            assert 0 <= float(shape.attrib["y"]) <= height
    texts = [shape.text for shape in root.iter(f"{SVG}text")]
    for name in groups:
        assert any((text or "").startswith(TERRITORIES[name].label) for text in texts)
