"""What a file of evidence consists of, and how large it may be."""

from __future__ import annotations

from typing import Final

#: raised when a reader of the format before could misunderstand a file
VERSION: Final = 1
MANIFEST: Final = "manifest.json"
SIGNATURE: Final = "manifest.sig"
CAMPAIGN: Final = "campaign.json"
BATCHES: Final = "batches.jsonl"
RECIPIENTS: Final = "recipients.jsonl"
OPT_OUTS: Final = "opt_outs.jsonl"
CONSENTS: Final = "consents.jsonl"
ATTEMPTS: Final = "attempts.jsonl"
RECORD: Final = "record.jsonl"
#: by language
PAGES: Final = {"fr": "evidence.fr.html", "en": "evidence.en.html"}
#: in the order in which they are written; the manifest holds the hash of each
MEMBERS: Final = (
    CAMPAIGN,
    BATCHES,
    RECIPIENTS,
    OPT_OUTS,
    CONSENTS,
    ATTEMPTS,
    RECORD,
    *PAGES.values(),
)

#: bytes of an Ed25519 signature
SIGNATURE_BYTES: Final = 64
#: characters at the end of the file (the ZIP's comment): the signature of all that stands before
SEAL_LENGTH: Final = 2 * SIGNATURE_BYTES
#: the most bytes of the manifest and of the campaign, and of a line
LARGEST_DOCUMENT: Final = 1 << 20
#: how often larger than the file its members may be in all: rows compress about 15 times
LARGEST_RATIO: Final = 200

#: what the list's hash is the hash of, as the file itself says it
HASHED: Final = (
    "the sum modulo 2^128 of BLAKE2b (16 bytes, big-endian) of each recipient's number in E.164,"
    " a NUL, the territory, a NUL, and the JSON of the fields that the text uses (nothing without"
    " any), in UTF-8; over all recipients that were kept, whatever their order, and those that a"
    " number check left out"
)
