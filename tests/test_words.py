"""Names use the field's words: none of the project's former private ones is left."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("functions", "shared", "ops", "local", "tests")


def each(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words that no name may contain.
WORDS = each(
    "picture pictures waker mischief saboteur sabotage sabotaged wound wounds films"
    " diary hopeless dear dearest mend mended stubbornly departure"
)
# Names that no file, class, function, argument, variable or attribute may have.
NAMES = each(
    "Link ProviderLink wake wakes Wake nth_wake tell_endings _tell_job Recorder BRIEFLY"
    " living_link with_living_link LEAST_LEFT Patience LEAVING About Gate Books"
    " FirestoreBooks UsageBooks place_on Trace Reuse Sending Claim claimed use_up"
    " by_resend resending unanswered vendor_words remove_made hear by_hand Unclear"
    " Missed Passage answer_all_with own_address endings offers"
)
# Exceptions: Cloud Tasks wakes its dispatcher, which is a thread.
ELSEWHERE = {"local/emulators/cloud_tasks/delivery.py": {"wake"}}


@cache
def names_in(file: Path) -> frozenset[str]:
    found = {file.stem}
    for node in ast.walk(ast.parse(file.read_text())):
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.arg(arg=name) | ast.Name(id=name, ctx=ast.Store()):
                found.add(name)
            case ast.Attribute(attr=name, ctx=ast.Store()):
                found.add(name)
    return frozenset(found)


def words_of(name: str) -> set[str]:
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_former_word_is_left_in_a_name(folder: str) -> None:
    left = {
        (file.relative_to(ROOT).as_posix(), name)
        for file in (ROOT / folder).rglob("*.py")
        for name in names_in(file)
        if name in NAMES or words_of(name) & WORDS
    }

    assert not {
        (file, name) for file, name in left if name not in ELSEWHERE.get(file, ())
    }
