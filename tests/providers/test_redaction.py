"""A vendor's message is shortened; prompts, images and secrets in it are removed."""

import json

import pytest

from shared.providers import redaction
from shared.providers.redaction import redact, without_secrets

PROMPT = 'She said "run",\nand it\'s a 고양이'


@pytest.mark.parametrize("write", [str, json.dumps, repr], ids=["str", "json", "repr"])
def test_a_prompt_is_removed_however_it_is_escaped(write: type[str]) -> None:
    escaped = write(PROMPT).strip("'\"")

    assert redact(f"refused: {escaped}!", PROMPT) == "refused: …!"


SECRETS = {
    "data uri": "x data:image/png;base64,iVB-iVBORw0KGgo= y",
    "bare base64": f"x {'iVBORw0K' * 30} y",
    "token in a url": "x https://a.example/v.mp4?_jwt=iVBORw0K y",
    "signature in a url": "x http://a.example/v.mp4?at=1&sig=iVBORw0K y",
    "access token": "x ya29.iVBORw0K y",
    "bearer": "x Bearer iVBORw0K y",
    "runway key": "x key_iVBORw0K y",
    "google key": "x AIzaiVBORw0K y",
}


@pytest.mark.parametrize("text", SECRETS.values(), ids=SECRETS.keys())
def test_images_and_tokens_are_removed(text: str) -> None:
    kept = redact(text)

    assert "iVBORw0K" not in kept
    assert (kept[0], kept[-1]) == ("x", "y")


def test_an_address_without_a_query_is_kept() -> None:
    assert redact("see https://a.example/help") == "see https://a.example/help"


def test_a_message_of_many_addresses_is_searched_once() -> None:
    """If it were not one match, it would be searched from each of them on."""
    text = "http://" * 1000

    searched = [m for p, _ in redaction._REDACTIONS for m in p.finditer(text)]

    assert [each.span() for each in searched] == [(0, len(text))]


def test_a_short_prompt_does_not_remove_parts_of_words() -> None:
    assert redact("category of a cat", "cat") == "category of a …"
    assert redact("a bad day", "a") == "a bad day"


def test_300_characters_are_kept() -> None:
    assert len(redact("word " * 200)) == 300


def test_half_a_surrogate_pair_is_removed() -> None:
    """Vendors cut a prompt that they repeat after a number of UTF-16 units."""
    words = json.loads('"refused: a raccoon \\ud83d"')

    assert redact(words) == "refused: a raccoon ?"


@pytest.mark.parametrize("end", ["…", "...", "'", '"'])
def test_a_prompt_that_the_vendor_cut_off_is_not_read_as_its_own_words(
    end: str,
) -> None:
    prompt = "an empty wallet, no credits left, and rain"

    words = without_secrets(f"The prompt 'an empty wallet, no credits{end}", prompt)
    alone = without_secrets(f"an empty wallet, no credits{end}", prompt)

    assert (words, alone) == (f"The prompt '…{end}", f"…{end}")


def test_words_that_a_prompt_only_begins_with_are_the_vendors_own() -> None:
    words = "The provided image violates our policies."

    assert without_secrets(words, "The provided image comes alive") == words


@pytest.mark.parametrize("write", [str, json.dumps, repr], ids=["str", "json", "repr"])
def test_a_prompt_with_quotes_is_removed_as_a_whole(write: type[str]) -> None:
    prompt = 'A raccoon shouts "run", and it\'s raining'

    assert "run" not in without_secrets(f"refused: {write(prompt)}!", prompt)
