"""Numbers outside the French numbering plan, as ``phonenumbers`` knows them."""

from __future__ import annotations

from dispatcher.errors import InvalidPhone

#: overseas collectivities, whose numbers the package knows well
_FRENCH = ("+508", "+681", "+687", "+689")


def abroad(digits: str) -> str:
    """The E.164 of a foreign mobile, or of a number of unknown kind with a mobile's length.

    Raises InvalidPhone.
    """
    # takes 40 ms and 10 MB, which a list of French numbers does not need
    import phonenumbers
    from phonenumbers import NumberParseException, PhoneNumberType, ValidationResult

    try:
        number = phonenumbers.parse(f"+{digits}")
    except NumberParseException as problem:
        known = problem.error_type != NumberParseException.INVALID_COUNTRY_CODE
        raise InvalidPhone(size(digits) if known else "not_a_number") from None
    kind = phonenumbers.number_type(number)
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    if kind in (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE):
        return e164
    if kind != PhoneNumberType.UNKNOWN:
        kinds = {PhoneNumberType.FIXED_LINE: "landline", PhoneNumberType.VOIP: "voip"}
        raise InvalidPhone(kinds.get(kind, "special_rate"))
    length = phonenumbers.is_possible_number_for_type_with_reason(number, PhoneNumberType.MOBILE)
    if length in (ValidationResult.TOO_SHORT, ValidationResult.IS_POSSIBLE_LOCAL_ONLY):
        raise InvalidPhone("too_short")
    if length == ValidationResult.TOO_LONG:
        raise InvalidPhone("too_long")
    if length != ValidationResult.IS_POSSIBLE or e164 != f"+{digits}" or e164[:4] in _FRENCH:
        raise InvalidPhone("m2m_or_unassigned")
    return e164


def size(digits: str) -> str:
    """The reason for a number of the wrong length."""
    return "too_short" if len(digits) < 9 else "too_long"
