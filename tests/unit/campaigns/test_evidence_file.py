"""A file of evidence by anybody: bytes altered, cut off, added, repeated, another key."""

from __future__ import annotations

import io
import json
import random
import struct
import warnings
import zipfile
from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatcher.campaigns.evidence_file import layout
from dispatcher.campaigns.evidence_file.archive import Archive
from dispatcher.campaigns.evidence_file.signing import PublicKey, Signer, as_fingerprint
from dispatcher.campaigns.evidence_file.verifying import Verification, verify
from dispatcher.campaigns.record_chain import Entry, seal

_SIGNER = Signer("a signing key of the tests, 32 characters")
_AT = "2026-11-24T09:00:00+00:00"
_RULE = "both default/1 holidays 0.1"


def _rows() -> dict[str, list[dict[str, object]]]:
    entry = Entry(1, datetime(2026, 11, 24, 9, tzinfo=UTC), "anne", "shell", "submit", "", 1, None)
    window = {"territory": "metropole", "opens": _AT, "why": "", "rule": _RULE}
    batch = {
        "batch": 1,
        "size": 2,
        "states": {"delivered": 1, "opted_out": 1},
        "segments": 2,
        "cost": "0.0900",
        "attempts": 1,
        "window": window,
    }
    attempt = {"batch": 1, "attempt": 1, "armed_at": _AT, "leaves_at": None, "outcome": "sent"}
    attempt |= {"texts_nobody": False, "covers": "0", "messages": 1, "cost": "0.0450"}
    recipient = {"batch": 1, "position": 0, "recipient": "+33639980000", "state": "delivered"}
    left_out = {"batch": 1, "position": 1, "recipient": "+33639980001", "state": "opted_out"}
    return {
        layout.BATCHES: [batch],
        layout.RECIPIENTS: [recipient, left_out],
        layout.OPT_OUTS: [{"batch": 1, "position": 1, "source": "by hand", "since": _AT}],
        layout.CONSENTS: [{"batch": 1, "position": 0, "at": "2026-01-01", "source": "shop"}],
        layout.ATTEMPTS: [attempt],
        layout.RECORD: [
            {name: getattr(entry, name) for name in Entry.__dataclass_fields__}
            | {"at": _AT, "seal": {"number": 1, "before": "", "hash": seal("", entry)}}
        ],
    }


def evidence(
    signer: Signer = _SIGNER,
    all_rows: dict[str, list[dict[str, object]]] | None = None,
    **facts: object,
) -> bytes:
    stream = io.BytesIO()
    archive = Archive(stream, signer)
    archive.add_document(
        layout.CAMPAIGN,
        {
            "text": "Soldes",
            "reference": "soldes",
            "commercial": True,
            "consent": "ask",
            "stop_mention": {"in_text": False, "added_by_gateway": True},
            "list": {"hash": "00", "rows": 2, "duplicates": 0, "unusable": 0},
        },
    )
    for name, rows in (all_rows or _rows()).items():
        archive.add_lines(name, rows)
    for name in layout.PAGES.values():
        archive.add_text(name, ["<!doctype html>", "<p>Soldes"])
    sums = {
        "recipients": 2,
        "batches": 1,
        "states": {"delivered": 1, "opted_out": 1},
        "segments": 2,
        "cost": "0.0900",
        "attempts": 1,
        "outcomes": {"sent": 1},
        "entries": 1,
        "incidents": 0,
        "corrections": 0,
    }
    archive.close({"reference": "soldes", "made_at": _AT, "sums": sums} | facts)
    return stream.getvalue()


WHOLE = evidence()
_NAMES = (*layout.MEMBERS, layout.MANIFEST, layout.SIGNATURE)


def problems(data: bytes, key: str | None = None) -> str:
    return "; ".join(found(data, key).problems)


def found(data: bytes, key: str | None = None) -> Verification:
    return verify(io.BytesIO(data), key=key)


def packed(
    members: Iterable[tuple[str, bytes]], comment: bytes = b"", kind: int = zipfile.ZIP_DEFLATED
) -> bytes:
    """A ZIP of these members, with the seal of the whole file."""
    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that are there twice
        with zipfile.ZipFile(stream, "w", kind) as file:
            for name, body in members:
                file.writestr(name, body)
            file.comment = comment or WHOLE[-layout.SEAL_LENGTH :]
    return stream.getvalue()


def members(data: bytes = WHOLE) -> list[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return [(name, file.read(name)) for name in file.namelist()]


def signed(name: str, body: bytes) -> bytes:
    """The same evidence with another body of a member, signed anew by the holder of the key."""
    stream = io.BytesIO()
    archive = Archive(stream, _SIGNER)
    found = dict(members())
    for one in layout.MEMBERS:
        archive.add_text(one, [(body if one == name else found[one]).decode()])
    facts = json.loads(found[layout.MANIFEST])
    archive.close({fact: facts[fact] for fact in ("reference", "made_at", "sums")})
    return stream.getvalue()


def test_whole_evidence_has_no_problem_and_names_its_key() -> None:
    assert found(WHOLE, _SIGNER.public.fingerprint).problems == ()
    assert found(WHOLE).fingerprint == _SIGNER.public.fingerprint
    assert found(WHOLE).remarks == (
        "windows are recomputed by another calendar: the file says holidays 0.1",
    )


@given(st.integers(0, len(WHOLE) - 1), st.integers(1, 255))
def test_any_byte_of_the_file_altered_is_found(place: int, change: int) -> None:
    altered = bytearray(WHOLE)
    altered[place] ^= change
    assert problems(bytes(altered))


@pytest.mark.parametrize("name", _NAMES)
def test_any_byte_of_a_member_altered_names_the_member(name: str) -> None:
    body = dict(members())[name]
    chosen = random.Random(name)
    places = range(len(body)) if len(body) < 200 else chosen.sample(range(len(body)), 200)
    for place in places:
        altered = bytearray(body)
        altered[place] ^= chosen.randrange(1, 256)
        data = packed((n, bytes(altered) if n == name else b) for n, b in members())
        assert name in problems(data)


@pytest.mark.parametrize("name", _NAMES)
def test_missing_member_is_named(name: str) -> None:
    assert name in problems(packed((n, b) for n, b in members() if n != name))


@pytest.mark.parametrize(
    "name", ["more.txt", "../../etc/passwd", "/etc/passwd", "C:\\boot.ini", "a\x1b[2Jb"]
)
def test_member_that_is_none_of_evidence_is_named_and_unpacked_nowhere(name: str) -> None:
    said = problems(packed([*members(), (name, b"x")]))
    assert "is none of evidence" in said
    assert "\x1b" not in said


def test_member_that_is_there_twice_is_named() -> None:
    twice = [*members(), (layout.RECIPIENTS, b"{}\n")]
    assert f"'{layout.RECIPIENTS}' is there 2 times" in problems(packed(twice))


@given(st.integers(0, len(WHOLE) - 1))
def test_evidence_that_was_cut_off_says_so(length: int) -> None:
    assert problems(WHOLE[:length]) == "this is no file of evidence, or it was cut off"


@pytest.mark.parametrize("data", [b"\0", b"PK", b"A" * 200])
def test_bytes_before_or_behind_the_file_are_found(data: bytes) -> None:
    assert problems(WHOLE + data)
    assert problems(data + WHOLE)


@pytest.mark.parametrize("data", [b"", b"no ZIP", b"\0" * 5000])
def test_file_that_is_no_zip_is_no_evidence(data: bytes) -> None:
    assert problems(data) == "this is no file of evidence, or it was cut off"


def test_evidence_signed_by_another_key_is_named_only_to_who_knows_the_key() -> None:
    other = evidence(Signer("the key of somebody else, 32 characters"))
    assert problems(other) == ""
    assert "signed by another key" in problems(other, _SIGNER.public.fingerprint)


def test_members_of_evidence_signed_by_another_key_cannot_be_swapped_in() -> None:
    other = dict(members(evidence(Signer("the key of somebody else, 32 characters"))))
    for name in (layout.MANIFEST, layout.SIGNATURE):
        data = packed((n, other[name] if n == name else b) for n, b in members())
        assert f"{layout.MANIFEST} or {layout.SIGNATURE} was altered" in problems(data)
    pair = {name: other[name] for name in (layout.MANIFEST, layout.SIGNATURE)}
    # the seal at the end is still that of the first key
    assert "altered outside" in problems(packed((n, pair.get(n, b)) for n, b in members()))


def test_newer_format_is_refused_with_what_to_do() -> None:
    newer = json.loads(dict(members())[layout.MANIFEST]) | {"format": layout.VERSION + 1}
    data = packed(
        (n, json.dumps(newer).encode() if n == layout.MANIFEST else b) for n, b in members()
    )
    assert "a newer one verifies it" in problems(data)


# -- what could fill a machine


def test_members_that_expand_too_far_are_not_unpacked() -> None:
    bomb = packed([*members(), ("more.txt", b"\0" * 50_000_000)])
    assert "expand to far more" in problems(bomb)


@pytest.mark.parametrize("kind", [zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2])
def test_members_that_are_compressed_otherwise_are_not_unpacked(kind: int) -> None:
    # damaged LZMA raises an error of its own, and may ask for gigabytes of memory
    data = bytearray(packed(members(), kind=kind))
    data[60] ^= 0xFF
    assert "compressed in another way" in problems(bytes(data))


def test_line_with_a_key_given_twice_or_written_otherwise_is_named() -> None:
    line = dict(members())[layout.RECIPIENTS].splitlines(keepends=True)
    twice = line[0].replace(b'"state":', b'"state":"rejected","state":')
    for first in (twice, line[0].replace(b":0,", b": 0,")):
        assert "line 1, is not written" in problems(signed(layout.RECIPIENTS, first + line[1]))


def test_every_character_of_a_row_verifies() -> None:
    characters = "".join(chr(code) for code in range(0x3000) if not 0xD800 <= code < 0xE000)
    row = json.loads(dict(members())[layout.OPT_OUTS]) | {"source": characters}
    body = f"{json.dumps(row, ensure_ascii=False, separators=(',', ':'))}\n".encode()
    assert problems(signed(layout.OPT_OUTS, body)) == ""


def test_document_with_a_key_given_twice_is_named() -> None:
    body = dict(members())[layout.CAMPAIGN].replace(b'{\n "text"', b'{\n "text": "x",\n "text"')
    assert f"{layout.CAMPAIGN} is not written" in problems(signed(layout.CAMPAIGN, body))


def test_reference_of_the_manifest_that_is_another_campaigns_is_named() -> None:
    assert "the manifest says 'noel'" in problems(evidence(reference="noel"))


def test_manifest_that_is_too_large_is_not_read() -> None:
    large = bytes(random.Random(1).randbytes(layout.LARGEST_DOCUMENT + 1))
    data = packed((n, large if n == layout.MANIFEST else b) for n, b in members())
    assert problems(data) == f"{layout.MANIFEST} is larger than evidence has it"


def test_zip_with_thousands_of_members_is_not_opened() -> None:
    many = [(f"{n}.txt", b"") for n in range(5000)]
    assert "more members than evidence has" in problems(packed([*members(), *many]))


def test_directory_that_lies_about_its_size_is_not_believed() -> None:
    end = WHOLE.rindex(b"PK\x05\x06")
    for offset, form, value in ((10, "<H", 60000), (12, "<L", 2**31), (16, "<L", 2**31)):
        data = bytearray(WHOLE)
        struct.pack_into(form, data, end + offset, value)
        assert problems(bytes(data))


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"format":1e999}', b"null", b"\xff\xfe"])
def test_manifest_that_is_no_object_is_named(body: bytes) -> None:
    data = packed((n, body if n == layout.MANIFEST else b) for n, b in members())
    assert problems(data).startswith(layout.MANIFEST)


# -- keys


def test_key_is_the_same_for_the_same_secret_and_reads_back() -> None:
    again = Signer("a signing key of the tests, 32 characters").public
    assert again.pem == _SIGNER.public.pem
    assert PublicKey.of(again.pem).fingerprint == _SIGNER.public.fingerprint


@pytest.mark.parametrize("pem", ["", "MCow", _SIGNER.public.pem.replace("MCow", "MCox"), "é"])
def test_pem_of_no_key_is_refused(pem: str) -> None:
    with pytest.raises(ValueError, match=r"PEM|Ed25519|key"):
        PublicKey.of(pem)


@pytest.mark.parametrize("word", ["ab" * 32, "AB" * 32, ":".join(["ab"] * 32), f" {'ab' * 32}\n"])
def test_fingerprint_is_understood_as_people_write_it(word: str) -> None:
    assert as_fingerprint(word) == "ab" * 32


@pytest.mark.parametrize("word", ["", "ab", "key.pem", "g" * 64])
def test_word_that_is_no_fingerprint_is_none(word: str) -> None:
    assert as_fingerprint(word) is None


# -- rows that make up for each other


def two_batches(name: str, first: dict[str, object], second: dict[str, object]) -> str:
    """What is wrong with two batches, whose sums are right, with other values in one member."""
    rows = _rows()
    for member in (layout.BATCHES, layout.RECIPIENTS, layout.OPT_OUTS, layout.ATTEMPTS):
        rows[member] += [one | {"batch": 2} for one in rows[member]]
    for one, number in zip(rows[layout.RECIPIENTS], range(70, 74), strict=True):
        one["recipient"] = f"+336399800{number}"
    places = {1: 0, 2: len(rows[name]) // 2}
    rows[name][places[1]] |= first
    rows[name][places[2]] |= second
    sums = {
        "recipients": 4,
        "batches": 2,
        "states": {"delivered": 2, "opted_out": 2},
        "segments": 4,
        "cost": "0.1800",
        "attempts": 2,
        "outcomes": {"sent": 2},
        "entries": 1,
        "incidents": 0,
        "corrections": 0,
    }
    data = evidence(all_rows=rows, sums=sums, numbers="in clear")
    return problems(data).replace("the list had 2 to text, and recipients.jsonl has 4", "").strip()


def test_two_right_batches_verify() -> None:
    assert two_batches(layout.BATCHES, {}, {}) == ""


@pytest.mark.parametrize(
    ("name", "first", "second", "says"),
    [
        (
            layout.BATCHES,
            {"segments": -3},
            {"segments": 7},
            "batch 1: its segments cannot be -3",
        ),
        (
            layout.BATCHES,
            {"cost": "1.1800"},
            {"cost": "-1.0000"},
            "batch 2: its cost cannot be '-1.0000'",
        ),
        (layout.BATCHES, {"segments": True}, {"segments": 3}, "segments cannot be True"),
        (layout.BATCHES, {"planned": "NaN"}, {}, "batch 1: its planned cannot be 'NaN'"),
        (
            layout.ATTEMPTS,
            {"messages": -1},
            {"messages": 3},
            "batch 1, attempt 1: its messages cannot be -1",
        ),
        (layout.ATTEMPTS, {}, {"cost": "-0.0450"}, "batch 2, attempt 1: its cost cannot be"),
        (
            layout.RECIPIENTS,
            {},
            {"recipient": "+33639980070"},
            "batch 2: the number or pseudonym at 0 is in recipients.jsonl twice",
        ),
        (
            layout.RECIPIENTS,
            {"recipient": f"person-{'ap' * 16}"},
            {"recipient": f"person-{'ap' * 16}"},
            "batch 2: the number or pseudonym at 0 is in recipients.jsonl twice",
        ),
        (
            layout.RECIPIENTS,
            {"recipient": "06 39 98 00 70"},
            {},
            "batch 1: at 0 there is neither a number nor a pseudonym",
        ),
    ],
)
def test_rows_that_make_up_for_each_other_are_named(
    name: str, first: dict[str, object], second: dict[str, object], says: str
) -> None:
    said = two_batches(name, first, second)
    assert says in said
    assert "+33" not in said


def test_list_whose_counts_make_up_for_each_other_is_named() -> None:
    campaign = json.loads(dict(members())[layout.CAMPAIGN])
    campaign["list"] |= {"duplicates": -3, "unusable": 3}
    body = json.dumps(campaign, ensure_ascii=False, indent=1)
    assert "the list: its duplicates cannot be -3" in problems(
        signed(layout.CAMPAIGN, f"{body}\n".encode())
    )


def test_masked_numbers_may_be_alike() -> None:
    rows = _rows()
    for one in rows[layout.RECIPIENTS]:
        one["recipient"] = "+336••••••01"
    verification = found(evidence(all_rows=rows, numbers="masked"))
    assert verification.problems == ()
    assert "numbers are masked" in verification.remarks[0]
