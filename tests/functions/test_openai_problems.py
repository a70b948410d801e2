"""What OpenAI's clients read where our own calls would say something else."""

import pytest

from functions.openai.errors import openai_problem
from shared.domain.errors import UnsupportedMedia
from shared.domain.job import Language


@pytest.mark.parametrize("language", Language)
def test_a_body_of_another_type_is_told_both_that_are_taken(language: Language) -> None:
    answer = openai_problem(UnsupportedMedia("text/plain"), language)

    said = answer.get_json()["error"]["message"]
    assert answer.status_code == 415
    assert "multipart/form-data" in said and "application/json" in said
