"""A fake translator with scripted answers, which records its prompts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from shared.domain.prompt_translation import Translation

A_CAT = "a cat looks out of the window"
IN_ENGLISH = Translation(text=A_CAT, language="ko", cost_usd=Decimal("0.0002"))


@dataclass(kw_only=True)
class FakeTranslator:
    """`during` runs during the call."""

    answer: Translation = IN_ENGLISH
    most: Decimal = Decimal("0.006")
    during: Callable[[], object] = lambda: None
    requests: list[tuple[str, int]] = field(default_factory=list)

    def max_cost_usd(self, prompt: str) -> Decimal:
        return self.most

    def translate(self, prompt: str, *, max_units: int) -> Translation:
        self.requests.append((prompt, max_units))
        self.during()
        return self.answer
