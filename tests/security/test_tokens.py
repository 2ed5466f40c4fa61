import hashlib
import hmac
import os
import re
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worksphere_hub.security import tokens
from worksphere_hub.security.tokens import ParsedKey

PEPPER = bytes(range(32))
# Fixed so that a key once handed out stays readable in every later version.
KNOWN = "hub_live_000000000000_" + "0" * 43
KNOWN_KEY = KNOWN + "2b2ZJq"


def test_format_of_a_minted_key():
    minted = tokens.mint_api_key(PEPPER)
    text = minted.text.reveal()
    assert re.fullmatch(r"hub_live_[0-9A-Za-z]{12}_[0-9A-Za-z]{49}", text)
    assert text[9:21] == minted.key_id
    assert text[-4:] == minted.last4
    assert tokens.parse_api_key(text) == ParsedKey(minted.key_id, minted.last4)
    assert minted.digest == hmac.new(PEPPER, text.encode(), hashlib.sha256).digest()
    assert text not in repr(minted)


def test_checksum_is_the_crc32_in_six_base62_digits():
    number = 0
    for digit in KNOWN_KEY[-6:]:
        number = number * 62 + tokens._ALPHABET.index(digit)
    assert number == zlib.crc32(KNOWN.encode())
    assert tokens.parse_api_key(KNOWN_KEY) == ParsedKey("0" * 12, KNOWN_KEY[-4:])


def test_keys_do_not_repeat_and_use_the_whole_alphabet():
    minted = [tokens.mint_api_key(PEPPER) for _ in range(300)]
    assert len({key.key_id for key in minted}) == len({key.text for key in minted}) == 300
    assert {digit for key in minted for digit in key.key_id} == set(tokens._ALPHABET)
    assert {digit for key in minted for digit in key.text.reveal()[22:60]} == set(tokens._ALPHABET)


@given(st.integers(9, len(KNOWN_KEY) - 1), st.characters())
def test_any_one_wrong_character_is_noticed_without_a_lookup(position, character):
    text = KNOWN_KEY[:position] + character + KNOWN_KEY[position + 1 :]
    assert (tokens.parse_api_key(text) is None) == (text != KNOWN_KEY)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hub_live_",
        KNOWN_KEY[:-1],
        KNOWN_KEY + "0",
        KNOWN_KEY + "\n",
        " " + KNOWN_KEY,
        KNOWN_KEY.replace("live", "test"),
        KNOWN_KEY.upper(),
        "x" * 100_000,
        "hub_live_" + "\uff10" * 12 + KNOWN_KEY[21:],
        "\ud800" * 71,
    ],
)
def test_what_is_no_key_is_none(text):
    assert tokens.parse_api_key(text) is None


@pytest.mark.parametrize("extra", ["0", "00000", "_", "\n", " "])
def test_a_right_checksum_does_not_make_up_for_a_wrong_shape(extra):
    for text in (KNOWN + extra, extra + KNOWN, KNOWN[:-1]):
        assert tokens.parse_api_key(text + tokens._checksum(text)) is None


@given(st.text())
def test_parsing_never_fails(text):
    assert tokens.parse_api_key(text) is None
    assert tokens.token_digest("hub_ses_", text) is None


def test_the_pepper_decides_the_digest_and_may_not_be_short():
    assert tokens.digest(PEPPER, KNOWN_KEY) != tokens.digest(os.urandom(32), KNOWN_KEY)
    for pepper in (b"", bytes(15)):
        with pytest.raises(ValueError, match="at least 16 bytes"):
            tokens.mint_api_key(pepper)


def test_opaque_tokens():
    minted = tokens.mint_token(tokens.SESSION_PREFIX)
    text = minted.text.reveal()
    assert re.fullmatch(r"hub_ses_[0-9A-Za-z]{43}", text)
    assert minted.digest == hashlib.sha256(text.encode()).digest()
    assert tokens.token_digest("hub_ses_", text) == minted.digest
    assert len({tokens.mint_token("t_").text for _ in range(200)}) == 200


@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: t[:-1],
        lambda t: t + "0",
        lambda t: t + "\n",
        lambda t: t[:-1] + "-",
        lambda t: "hub_por_" + t[8:],
    ],
)
def test_a_token_of_another_kind_or_shape_is_none(spoil):
    text = tokens.mint_token("hub_ses_").text.reveal()
    assert tokens.token_digest("hub_ses_", spoil(text)) is None


def test_comparing_digests():
    one = tokens.digest(PEPPER, KNOWN_KEY)
    assert tokens.same(one, bytes(one))
    assert not tokens.same(one, one[:-1] + bytes([one[-1] ^ 1]))
    assert not tokens.same(one, b"")
