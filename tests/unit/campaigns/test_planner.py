from __future__ import annotations

import json
import random
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dispatcher.campaigns.batch import LARGEST_BATCH, PlannedBatch
from dispatcher.campaigns.planner import Planner
from dispatcher.errors import InvalidCampaign, InvalidText
from dispatcher.recipients import Recipient, Rejection
from dispatcher.recipients.recipient import recipient_of

TEXT = "Soldes: -50 % ce week-end."
PERSONAL = "Bonjour {{ prenom }}, -50 % ce week-end."


def phone(number: int) -> str:
    return f"+3363998{number:04}"


def people(numbers: Iterable[int]) -> list[Recipient]:
    return [Recipient(phone(number)) for number in numbers]


def cut(planner: Planner, recipients: Iterable[Recipient | str]) -> list[PlannedBatch]:
    return list(
        planner.cut(each if isinstance(each, Recipient) else Recipient(each) for each in recipients)
    )


def phones_of(batches: Iterable[PlannedBatch]) -> list[str]:
    return [number for batch in batches for number, _ in batch.messages]


def digest(text: str, recipients: Iterable[Recipient | str], territory: str | None = None) -> str:
    planner = Planner(text, territory=territory)
    cut(planner, recipients)
    return planner.digest


# -- numbers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spelled", "kept"),
    [
        pytest.param("06 39 98 00 01", "+33639980001", id="pairs"),
        pytest.param("0639980001", "+33639980001", id="national"),
        pytest.param("639980001", "+33639980001", id="a lost zero"),
        pytest.param("+33 6 39 98 00 01", "+33639980001", id="international"),
        pytest.param("0033639980001", "+33639980001", id="00"),
        pytest.param("06.39.98.00.01", "+33639980001", id="dots"),
        pytest.param("0692123456", "+262692123456", id="overseas, dialled like the rest"),
        pytest.param("+32 470 12 34 56", "+32470123456", id="abroad"),
    ],
)
def test_number_in_any_spelling_is_stored_as_e164(spelled: str, kept: str) -> None:
    planner = Planner(TEXT)
    (batch,) = cut(planner, [spelled])
    assert batch.messages == ((kept, None),)
    assert (planner.rows, planner.kept, planner.duplicates) == (1, 1, 0)


@pytest.mark.parametrize("named", ["row", "campaign"])
def test_territory_decides_which_number_it_is(named: str) -> None:
    there = {"territoire": "Nouvelle-Calédonie"} if named == "row" else {}
    planner = Planner(TEXT, territory=None if there else "nouvelle-caledonie")
    rows = [
        {"mobile": 687751234} | there,
        {"Téléphone 1": "25 12 34", "Téléphone 2": "75 12 35"} | there,
        {"Téléphone 1": "75 12 36", "Téléphone 2": "06 39 98 00 01"} | there,
    ]
    batches = cut(planner, map(recipient_of, rows))
    assert phones_of(batches) == ["+687751234", "+687751235", "+687751236"]
    assert {batch.territory for batch in batches} == {"nouvelle-caledonie"}


def test_number_in_several_spellings_is_texted_once() -> None:
    planner = Planner(TEXT)
    spellings = ["06 39 98 00 01", "+33639980001", "0033639980001", "639980001", "06.39.98.00.01"]
    assert phones_of(cut(planner, spellings)) == ["+33639980001"]
    assert (planner.rows, planner.kept, planner.duplicates) == (5, 1, 4)


def test_same_number_in_two_territories_is_a_duplicate() -> None:
    planner = Planner(TEXT)
    batches = cut(planner, [Recipient(phone(1)), Recipient(phone(1), territory="alsace-moselle")])
    assert [batch.territory for batch in batches] == ["metropole"]
    assert planner.duplicates == 1


def test_duplicate_number_keeps_the_fields_of_its_first_row() -> None:
    planner = Planner(PERSONAL)
    first = Recipient(phone(1), {"prenom": "Anne"})
    (batch,) = cut(planner, [first, Recipient(phone(1), {"prenom": "Zoé"})])
    assert batch.messages == ((phone(1), '{"prenom":"Anne"}'),)


def test_rejected_row_leaves_its_number_free_for_a_later_row() -> None:
    planner = Planner(PERSONAL)
    good = Recipient(phone(1), {"prenom": "Anne"})
    assert phones_of(cut(planner, [Recipient(phone(1), {"prenom": " "}), good])) == [phone(1)]
    assert (planner.kept, planner.duplicates, sum(planner.reasons.values())) == (1, 0, 1)


# -- batches ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "sizes"),
    [
        (0, []),
        (1, [1]),
        (499, [499]),
        (500, [500]),
        (501, [500, 1]),
        (1000, [500, 500]),
        (1201, [500, 500, 201]),
    ],
)
def test_list_is_cut_in_batches_of_at_most_500(size: int, sizes: list[int]) -> None:
    assert LARGEST_BATCH == 500  # the gateway's own limit
    planner = Planner(TEXT)
    batches = cut(planner, people(range(size)))
    assert [len(batch.messages) for batch in batches] == sizes
    assert phones_of(batches) == [phone(number) for number in range(size)]
    assert planner.kept == size


def test_full_batch_is_yielded_before_the_list_is_read_on() -> None:
    planner = Planner(TEXT)
    read: list[int] = []

    def reading() -> Iterable[Recipient]:
        for number in range(1200):
            read.append(number)
            yield Recipient(phone(number))

    first = next(iter(planner.cut(reading())))
    assert len(first.messages) == 500
    assert len(read) == 500


def test_mixed_list_is_cut_in_batches_of_one_territory() -> None:
    recipients = [
        Recipient("0692123456"),
        Recipient(phone(1)),
        Recipient(phone(2), territory="alsace-moselle"),
        Recipient("0692123457"),
        Recipient("+32470123456"),
        Recipient(phone(3)),
    ]
    shared = {batch.territory: phones_of([batch]) for batch in cut(Planner(TEXT), recipients)}
    assert shared == {
        "la-reunion": ["+262692123456", "+262692123457"],
        "metropole": [phone(1), "+32470123456", phone(3)],
        "alsace-moselle": [phone(2)],
    }


@pytest.mark.parametrize(
    ("campaign", "row", "number", "territory"),
    [
        pytest.param(None, None, phone(1), "metropole", id="by number"),
        pytest.param(None, None, "0692123456", "la-reunion", id="by number, overseas"),
        pytest.param(None, None, "+32470123456", "metropole", id="a foreign number"),
        pytest.param("mayotte", None, phone(1), "mayotte", id="the campaign overrides it"),
        pytest.param("mayotte", None, "0692123456", "mayotte", id="overseas as well"),
        pytest.param(None, "guyane", phone(1), "guyane", id="the row overrides it"),
        pytest.param("mayotte", "guyane", phone(1), "guyane", id="the row wins"),
        pytest.param("mayotte", "", phone(1), "mayotte", id="an empty cell does not"),
    ],
)
def test_territory_comes_from_row_then_campaign_then_number(
    campaign: str | None, row: str | None, number: str, territory: str
) -> None:
    (batch,) = cut(Planner(TEXT, territory=campaign), [Recipient(number, territory=row)])
    assert batch.territory == territory


def test_unknown_territory_of_a_campaign_raises_invalid_campaign() -> None:
    with pytest.raises(InvalidCampaign, match="Atlantis"):
        Planner(TEXT, territory="Atlantis")


# -- the digest -------------------------------------------------------------------------------

LIST = [
    Recipient(phone(1), {"prenom": "Anne"}),
    Recipient(phone(2), {"prenom": "Bob"}),
    Recipient("0692123456", {"prenom": "Chloé"}),
]


@given(st.permutations(range(700)))
@settings(max_examples=10)
def test_same_rows_in_another_order_have_the_same_digest(order: list[int]) -> None:
    assert digest(TEXT, people(order)) == digest(TEXT, people(range(700)))


def test_other_spellings_and_duplicates_have_the_same_digest() -> None:
    plain = digest(TEXT, [phone(1), phone(2)])
    assert digest(TEXT, ["06 39 98 00 02", "0639980001", "0033639980002", "garbage"]) == plain


@pytest.mark.parametrize(
    ("other", "territory"),
    [
        pytest.param(LIST[:2], None, id="one less"),
        pytest.param([*LIST, Recipient(phone(4), {"prenom": "Dan"})], None, id="one more"),
        pytest.param([Recipient(phone(9), LIST[0].fields), *LIST[1:]], None, id="another number"),
        pytest.param([Recipient(phone(1), {"prenom": "Ann"}), *LIST[1:]], None, id="another name"),
        pytest.param(
            [Recipient(phone(1), LIST[0].fields, territory="alsace-moselle"), *LIST[1:]],
            None,
            id="another territory",
        ),
        pytest.param(LIST, "mayotte", id="another territory for all"),
        pytest.param(
            [
                Recipient(phone(1), LIST[1].fields),
                Recipient(phone(2), LIST[0].fields),
                LIST[2],
            ],
            None,
            id="names swapped",
        ),
        pytest.param([], None, id="nobody"),
    ],
)
def test_another_list_has_another_digest(other: list[Recipient], territory: str | None) -> None:
    assert digest(PERSONAL, other, territory) != digest(PERSONAL, LIST)


def test_unused_field_does_not_change_the_digest() -> None:
    more = [Recipient(each.phone, {**each.fields, "ville": "Lyon"}) for each in LIST]
    assert digest(PERSONAL, more) == digest(PERSONAL, LIST)


# -- what is left out -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recipient", "reason"),
    [
        pytest.param(Recipient(""), "empty", id="no number"),
        pytest.param(Recipient("Anne"), "not_a_number", id="a word"),
        pytest.param(Recipient("0123456789"), "landline", id="a landline"),
        pytest.param(Recipient("06399800"), "too_short", id="a number cut short"),
        pytest.param(
            Recipient(phone(1), {"prenom": "Anne"}, territory="Atlantis"), "Atlantis", id="nowhere"
        ),
        pytest.param(Recipient(phone(1), {}), "prenom", id="a missing field"),
        pytest.param(Recipient(phone(1), {"prenom": "\t"}), "prenom", id="an empty field"),
        pytest.param(Recipient(phone(1), {"prenom": "x" * 1600}), "segments", id="too long"),
        pytest.param(Recipient(phone(1), {"prenom": "\ud800"}), "half a character", id="broken"),
    ],
)
def test_invalid_row_is_rejected_with_its_reason(recipient: Recipient, reason: str) -> None:
    result: list[Rejection] = []
    planner = Planner(PERSONAL, reject=result.append)
    good = Recipient(phone(2), {"prenom": "Bob"})
    assert phones_of(cut(planner, [recipient, good])) == [phone(2)]
    (rejection,) = result
    assert reason in rejection.reason
    assert planner.reasons == {rejection.reason: 1}
    assert (planner.rows, planner.kept, planner.duplicates) == (2, 1, 0)


def test_rejection_has_the_line_and_shows_no_number() -> None:
    result: list[Rejection] = []
    row = Recipient("01 23 45 67 89", row=7, raw=("01 23 45 67 89", "Anne"))
    cut(Planner(TEXT, reject=result.append), [row])
    (rejection,) = result
    assert (rejection.row, rejection.raw) == (7, row.raw)
    assert "23" not in repr(rejection)
    assert "Anne" not in repr(rejection)


def test_number_in_the_territory_column_is_not_repeated_in_the_reason() -> None:
    planner = Planner(TEXT)
    cut(planner, [Recipient(phone(1), territory="06 39 98 00 02")])
    assert "39" not in str(planner.reasons)


def test_name_in_a_too_long_text_is_not_repeated_in_the_reason() -> None:
    planner = Planner(PERSONAL)
    cut(planner, [Recipient(phone(1), {"prenom": "Anne" * 500})])
    assert "Anne" not in str(planner.reasons)


def test_repr_of_a_planned_batch_shows_no_number() -> None:
    (batch,) = cut(Planner(PERSONAL), [Recipient(phone(1), {"prenom": "Anne"})])
    assert "639" not in repr(batch)
    assert "Anne" not in repr(batch)


# -- texts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("  \n", id="blank"),
        pytest.param("x" * 1531, id="eleven segments"),
        pytest.param("😀" * 400, id="eleven segments of Unicode"),
        pytest.param("Bonjour {{ prenom", id="a brace left open"),
        pytest.param("Bonjour {% prenom %}", id="a foreign template"),
        pytest.param("a\x00b", id="a control character"),
        pytest.param("^^^", id="nothing arrives"),
    ],
)
def test_invalid_text_raises_invalid_text_before_the_list_is_read(text: str) -> None:
    with pytest.raises(InvalidText):
        Planner(text)


@pytest.mark.parametrize(("length", "fits"), [(1516, True), (1517, False)])
def test_text_too_long_with_the_stop_mention_raises_invalid_text(length: int, fits: bool) -> None:
    if fits:
        (batch,) = cut(Planner("x" * length, stop_budget=14), [phone(1)])
        assert batch.total_segments == 10
    else:
        with pytest.raises(InvalidText, match="STOP"):
            Planner("x" * length, stop_budget=14)


@pytest.mark.parametrize(
    ("text", "stop", "segments"),
    [
        pytest.param("x" * 160, 0, 1, id="160"),
        pytest.param("x" * 161, 0, 2, id="161"),
        pytest.param("x" * 146, 14, 1, id="146 and STOP"),
        pytest.param("x" * 147, 14, 2, id="147 and STOP"),
        pytest.param("x" * 134 + " STOP au 36180", 14, 1, id="a STOP of its own is enough"),
        pytest.param("é" * 160, 0, 1, id="160 accented"),
        pytest.param("😀" * 35, 0, 1, id="70 units of Unicode"),
        pytest.param("😀" * 36, 0, 2, id="72 units of Unicode"),
    ],
)
def test_text_counts_the_segments_that_are_billed(text: str, stop: int, segments: int) -> None:
    planner = Planner(text, stop_budget=stop)
    batches = cut(planner, people(range(3)))
    assert [batch.total_segments for batch in batches] == [3 * segments]
    assert planner.billed == {"metropole": 3 * segments}


def test_text_with_fields_counts_segments_for_each_recipient() -> None:
    planner = Planner("{{ corps }}", stop_budget=0)
    bodies = ["x" * 160, "x" * 161, "x" * 307]
    (batch,) = cut(planner, [Recipient(phone(n), {"corps": b}) for n, b in enumerate(bodies)])
    assert batch.total_segments == 1 + 2 + 3
    assert planner.billed == {"metropole": 1 + 2 + 3}


def test_segments_are_counted_by_destination_and_not_by_territory() -> None:
    planner = Planner(TEXT)
    belgian = Recipient("+32470123456")
    cut(planner, [phone(1), Recipient(phone(2), territory="mayotte"), "0692123456", belgian])
    assert planner.billed == {"metropole": 2, "la-reunion": 1, "foreign": 1}


def test_destination_without_recipients_is_not_billed() -> None:
    planner = Planner(TEXT)
    cut(planner, ["0692123456", "+32470123456"])
    assert planner.billed == {"la-reunion": 1, "foreign": 1}


_VALUES = st.sampled_from(["Zoé", "", " ", "Anne", "x" * 150, "y" * 160, "\x00", "z" * 2000, "€:"])


@settings(max_examples=200)
@given(
    st.sampled_from(["{{ a }}!", "Hi {{ a }} {{ b | default('you') }}", "{{ b }}{{ a }}{{ b }}"]),
    st.lists(st.dictionaries(st.sampled_from("ab"), _VALUES), max_size=12),
)
def test_recipients_with_equal_fields_are_planned_as_if_alone(
    text: str, fields: list[dict[str, str]]
) -> None:
    rows = [Recipient(phone(n), each, row=n) for n, each in enumerate(fields)]
    left_out: list[Rejection] = []
    planner = Planner(text, reject=left_out.append)
    batches = cut(planner, rows)

    for row in rows:
        result: list[Rejection] = []
        alone = Planner(text, reject=result.append)
        expected = [
            (message, segments)
            for batch in cut(alone, [row])
            for message, segments in zip(batch.messages, batch.segments, strict=True)
        ]
        assert [one for one in left_out if one.row == row.row] == result
        assert expected == [
            (message, segments)
            for batch in batches
            for message, segments in zip(batch.messages, batch.segments, strict=True)
            if message[0] == row.phone
        ]


def test_longest_texts_are_shown_as_they_arrive() -> None:
    planner = Planner("Bonjour {{ prenom }}")
    names = ["Zoé", "x" * 200, "Anne", "y" * 160, "Bob", "x" * 200, "François"]
    cut(planner, [Recipient(phone(n), {"prenom": name}) for n, name in enumerate(names)])
    assert planner.texts.longest.texts == (
        "Bonjour " + "x" * 200,
        "Bonjour " + "y" * 160,
        "Bonjour FranÇois",
    )


def test_text_with_fields_stores_only_the_fields_it_uses() -> None:
    row = Recipient(phone(1), {"prenom": 'Zoé "d\'Aix"', "ville": "Lyon", "telephone": "x"})
    (batch,) = cut(Planner(PERSONAL), [row])
    ((_, fields),) = batch.messages
    assert fields is not None
    assert json.loads(fields) == {"prenom": 'Zoé "d\'Aix"'}


def test_missing_field_with_a_default_is_accepted() -> None:
    text = 'Bonjour {{ prenom | default("à vous") }}'
    (batch,) = cut(Planner(text), [Recipient(phone(1))])
    assert batch.messages == ((phone(1), "{}"),)


def test_text_without_fields_stores_no_fields() -> None:
    (batch,) = cut(Planner(TEXT), [Recipient(phone(1), {"prenom": "Anne"})])
    assert batch.messages == ((phone(1), None),)


def test_long_template_is_measured_only_when_rendered() -> None:
    text = "x" * 1500 + "{{ prenom | default('cher client, chère cliente') }}"
    (batch,) = cut(Planner(text), [Recipient(phone(1), {"prenom": "Anne"})])
    assert batch.total_segments == 10


# -- nobody is lost ---------------------------------------------------------------------------

ROWS = st.lists(
    st.builds(
        Recipient,
        st.sampled_from([phone(1), phone(2), "06 39 98 00 01", "0692123456", "", "01", "landline"])
        | st.text(max_size=6),
        st.fixed_dictionaries({}, optional={"prenom": st.text(max_size=4)}),
        st.none() | st.sampled_from(["mayotte", "metropole", "Atlantis"]),
    ),
    max_size=30,
)


@given(ROWS, st.sampled_from([TEXT, PERSONAL]))
@settings(max_examples=120)
def test_any_list_adds_up_to_accepted_duplicates_and_rejected(
    rows: list[Recipient], text: str
) -> None:
    result: list[Rejection] = []
    planner = Planner(text, reject=result.append)
    batches = cut(planner, rows)
    numbers = phones_of(batches)
    assert planner.rows == len(rows)
    assert planner.kept == len(numbers) == len(set(numbers))
    assert planner.rows == planner.kept + planner.duplicates + len(result)
    assert sum(planner.reasons.values()) == len(result)
    assert sum(planner.billed.values()) == sum(batch.total_segments for batch in batches)
    assert all(batch.messages for batch in batches)


def test_long_mixed_list_loses_no_row() -> None:
    chance = random.Random(2027)
    places = ["metropole", "mayotte", "guyane", "alsace-moselle"]
    rows = [Recipient(phone(n), territory=chance.choice(places)) for n in range(5000)]
    batches = cut(Planner(TEXT), rows)
    assert sorted(phones_of(batches)) == [phone(number) for number in range(5000)]
    where = {phone(n): row.territory for n, row in enumerate(rows)}
    assert all(where[number] == b.territory for b in batches for number, _ in b.messages)
    assert max(len(batch.messages) for batch in batches) == 500


# -- one call, one encoding -------------------------------------------------------------------


def named(names: Iterable[str]) -> list[Recipient]:
    return [Recipient(phone(n), {"prenom": name}) for n, name in enumerate(names)]


def test_whoever_needs_unicode_is_in_a_batch_apart_and_costs_nobody_else() -> None:
    text = "Bonjour {{ prenom }}, " + "x" * 110
    planner = Planner(text, stop_budget=14)
    batches = cut(planner, named(["Marie"] * 4 + ["Zoé 🌸"] + ["Marie"] * 5))
    assert [(len(batch.messages), batch.total_segments) for batch in batches] == [(9, 9), (1, 3)]
    assert planner.billed == {"metropole": 12}


def test_invisible_mark_in_a_name_costs_nothing_and_needs_no_batch_apart() -> None:
    planner = Planner("Bonjour {{ prenom }}, " + "x" * 110, stop_budget=14)
    names = ["Marie", "Zoé\u200e", "\u202aZoé\u202c", "Zoe\u200d", "Zoe\ufe0f"]
    (batch,) = cut(planner, named(names))
    assert batch.total_segments == 5


def test_batches_of_each_encoding_fill_up_apart() -> None:
    names = ["Zoé 🌸" if n % 2 else "Marie" for n in range(2 * LARGEST_BATCH + 2)]
    batches = cut(Planner("Bonjour {{ prenom }}"), named(names))
    assert [len(batch.messages) for batch in batches] == [500, 500, 1, 1]


def test_mention_is_judged_on_each_text_that_leaves() -> None:
    planner = Planner('{{ prenom | default("STOP au 36180") }} ' + "X" * 144, stop_budget=14)
    batches = cut(planner, named(["", "Zoé", "Marie", "STOP : 36 180"]))
    assert [batch.segments for batch in batches] == [(2, 2), (1, 1)]
    assert phones_of(batches) == [phone(1), phone(2), phone(0), phone(3)]


def test_digest_is_the_same_whatever_the_encodings() -> None:
    rows = named(["Marie", "Zoé 🌸", "Noël"])
    assert digest("Bonjour {{ prenom }}", rows) == digest("Bonjour {{ prenom }}", rows[::-1])


def test_rows_without_a_value_are_counted_by_field() -> None:
    planner = Planner("Bonjour {{ prenom }}")
    cut(planner, named(["Marie", "", " \u200e"]))
    assert planner.texts.missing == {"prenom": 2}
    (reason,) = planner.reasons
    assert '{{ prenom | default("…") }}' in reason


# -- keys -------------------------------------------------------------------------------------


def keyed(*keys: object) -> list[Recipient]:
    return [
        recipient_of({"mobile": phone(at), "key": key, "prenom": "Zoé"}, position=at)
        for at, key in enumerate(keys, start=1)
    ]


def test_keys_stand_beside_their_messages_and_nobody_elses() -> None:
    (batch,) = cut(Planner(TEXT), keyed("A", None, 3, "", " D "))

    assert batch.keys == ("A", None, "3", None, "D")
    assert [part.keys for part in batch.split(2)] == [("A", None), ("3", None), ("D",)]
    assert "A" not in repr(batch).replace("PlannedBatch", "")


def test_list_without_keys_has_none() -> None:
    (batch,) = cut(Planner(TEXT), keyed(None, ""))

    assert batch.keys == ()


def test_duplicate_number_has_the_key_of_its_first_row() -> None:
    first = Recipient(phone(1), key="A")

    (batch,) = cut(Planner(TEXT), [first, Recipient(phone(1), key="B"), Recipient(phone(2))])

    assert batch.keys == ("A", None)


def test_keys_do_not_change_the_digest() -> None:
    assert digest(TEXT, keyed("A", "B")) == digest(TEXT, people([1, 2]))


@pytest.mark.parametrize("key", [True, 1.5, "x" * 201, "a\x00b"])
def test_row_with_an_unusable_key_is_rejected_and_its_number_is_free(key: object) -> None:
    rejected: list[Rejection] = []
    planner = Planner(TEXT, reject=rejected.append)

    (batch,) = cut(planner, [*keyed(key), Recipient(phone(1), key="B")])

    assert batch.keys == ("B",)
    assert [(one.code, one.row) for one in rejected] == [("unusable_key", 1)]
    assert rejected[0].detail.startswith("its key is no text")
    assert planner.without_number == 0


def test_field_called_key_that_the_text_uses_need_not_be_a_key() -> None:
    rejected: list[Rejection] = []
    planner = Planner("Offre {{ key }}", reject=rejected.append)

    (batch,) = cut(planner, keyed(True, "K2"))

    assert [json.loads(fields or "") for _, fields in batch.messages] == [
        {"key": "VRAI"},
        {"key": "K2"},
    ]
    assert batch.keys == (None, "K2")
    assert not rejected
