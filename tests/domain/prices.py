"""The prices in which tests state amounts, whatever the vendors ask today."""

from decimal import Decimal

from shared.domain.catalogue import (
    CATALOGUE,
    DEFAULT_TEXT_MODEL,
    TEXT_MODELS,
    Resolution,
)
from shared.domain.structs import replace

P720, P1080 = Resolution.P720, Resolution.P1080
USD_PER_SECOND = {
    "gen4_turbo": {P720: Decimal("0.05")},
    "veo-3.1-generate-001": {P720: Decimal("0.40"), P1080: Decimal("0.40")},
    "gemini-omni-1.2-flash": {P720: Decimal("0.10"), P1080: Decimal("0.15")},
}
# The fixture `fixed_prices` puts them into the catalogue.
MODELS = {
    model_id: replace(CATALOGUE[model_id], usd_per_second=usd_per_second)
    for model_id, usd_per_second in USD_PER_SECOND.items()
}
TEXT_MODEL = replace(
    TEXT_MODELS[DEFAULT_TEXT_MODEL],
    usd_per_million_input=Decimal("0.30"),
    usd_per_million_output=Decimal("2.50"),
)
