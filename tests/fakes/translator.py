"""A fake translator with scripted answers, which records its prompts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from shared.domain.prompt_translation import Translation

A_CAT = "a cat looks out of the window"
IN_ENGLISH = Translation(text=A_CAT, language="ko", cost_usd=Decimal("0.0002"))


@dataclass(kw_only=True)
class FakeTranslator:
    """`during` runs inside the call: what happens meanwhile."""

    answer: Translation = IN_ENGLISH
    most: Decimal = Decimal("0.006")
    during: Callable[[], None] = lambda: None
    asked: list[tuple[str, int]] = field(default_factory=list)

    def max_cost_usd(self, prompt: str) -> Decimal:
        return self.most

    def translate(self, prompt: str, *, most_units: int) -> Translation:
        self.asked.append((prompt, most_units))
        self.during()
        return self.answer
