"""Every call of the language model.

One row per as-of date, request and instant: the request, the answer, and whether it was used. Rows are only added. An
answer cannot be computed again: it is stored so that the same request is not made twice, that shown and rejected texts
can be read, and that the calls are counted in the ROI. No decision depends on it. A table of an earlier day than D may
count its rows; a table of D itself may not, since the calls of D are made when the tables of D are done.
"""

from cjo_assets.core.config import TableConfig
from cjo_assets.core.contract import DatedContract, Instant, column, key
from cjo_assets.language.outcomes import OUTCOMES

# Purposes of all families.
PURPOSES = ["summary", "message", "marketing_summary", "campaign"]


class LanguageModelCalls(DatedContract):
    """Calls of the language model. One row per as-of date, request and instant."""

    purpose: str = column("Text that was to be written.", isin=PURPOSES)
    model: str = column("Model that was called.")
    request_hash: str = key("Sha256 over what was sent, the key excepted.")
    outcome: str = column("used, rejected by our checks, or failed without an answer.", isin=OUTCOMES)
    reason: str = column("Why it was rejected or failed; null where it was used.", nullable=True, personal="text")
    answer: str = column("Text that came back; null where none did.", nullable=True, free_text=True, personal="text")
    prompt_tokens: int = column("Tokens sent, as the endpoint counts [tokens]; null if not given.", ge=0, nullable=True)
    completion_tokens: int = column("Tokens that came back [tokens]; null if not given.", ge=0, nullable=True)
    started_at: Instant = key("When it was made [UTC].")
    duration: float = column("From request to answer or failure [seconds].", ge=0)


CONFIG = TableConfig(is_appended=True)
