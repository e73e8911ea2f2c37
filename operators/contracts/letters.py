"""Dead letters: records that could not be used, kept raw with the reason."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from typing import Final

from operators.base.moments import iso_at
from operators.contracts.records import DeadLetter, encode
from operators.events.decode import Rejected
from operators.events.markers import NULL, broken_row
from operators.events.reasons import Reason

_OF_ROWS: Final = (Reason.BAD_ROW, Reason.BAD_ROSTER)
_KEY_SHARE: Final = 50  # of a letter's size that its key may take


def shortened_key(key: bytes, most_bytes: int) -> bytes:
    """The key of a letter in Kafka, which takes no more than its share."""
    return key[: most_bytes // _KEY_SHARE]


def dead_letter(
    rejected: Rejected, key: bytes, value: bytes, now_us: int, most_bytes: int
) -> DeadLetter:
    """The dead letter of a record; of a value longer than `most_bytes` only its head is kept."""
    row = broken_row(value) if rejected.reason in _OF_ROWS else None
    raw = None if value == NULL else row[1] if row is not None else value
    truncated = raw is not None and len(raw) > most_bytes
    text, base64 = _text(raw[:most_bytes] if raw and truncated else raw)
    key_text, key_base64 = _text(None if key == NULL else shortened_key(key, most_bytes))
    return DeadLetter(
        reason=rejected.reason.value,
        detail=rejected.detail,
        at=iso_at(now_us),
        raw=text,
        raw_base64=base64,
        key=key_text,
        key_base64=key_base64,
        size=0 if raw is None else len(raw),
        truncated=truncated,
        sha256=sha256(value).hexdigest() if truncated else None,
    )


def _text(data: bytes | None) -> tuple[str | None, str | None]:
    """Bytes as text where they are UTF-8, else as Base64: one of the two, or neither."""
    if data is None:
        return None, None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None, b64encode(data).decode()
    # In JSON a control character takes six bytes: Base64 takes four for three, whatever they are.
    if len(encode(text)) > 16 + 4 * len(data) // 3:
        return None, b64encode(data).decode()
    return text, None
