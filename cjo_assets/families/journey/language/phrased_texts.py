"""Generated texts of the day: by the language model, or by the rules.

One row per as-of date, purpose and intervention: the paragraph of the report, and a draft for each of the most urgent
interventions, for the person who carries it out. Where the model's answer was rejected, the row has the rules' text and
the reason. Empty unless the policy enables the model. Written by the run when every table of the day is done: a text is
made of tables and of a recorded answer (`audit.language_model_calls`), and no table depends on a text.
"""

from cjo_assets.core.contract import DatedContract, column, key
from cjo_assets.families.journey.purposes import PURPOSES


class PhrasedTexts(DatedContract):
    """Texts of the day that a language model was to phrase. One row per as-of date, purpose and intervention."""

    purpose: str = key("summary: the paragraph of the report; message: a draft to a customer.", isin=PURPOSES)
    intervention_id: str = key(
        "Intervention that a message goes with; null for the summary.", nullable=True, personal="intervention"
    )
    customer_id: str = column("Its customer; null for the summary.", nullable=True, personal="customer")
    text: str = column("The text, plain.", free_text=True, personal="text")
    model: str = column("Language model that wrote it, every number checked; null: the rules.", nullable=True)
    fallback_reason: str = column("Why the rules wrote it; null where the model did.", nullable=True)
    request_hash: str = column("Hash of the request, as in audit.language_model_calls.")
