"""What a policy asked a language model to put into words, and the words that stand.

One row per as-of date, purpose and intervention: the paragraph of the report, and a draft for each of the most urgent
interventions, for the person who carries it out. Where the model's answer did not hold, the rules' words stand here and
say why. Empty unless the policy asks for it. Written by the run when every table of the day is done: a text is made of
tables and of a recorded answer (`audit.language_model_calls`), no table is made of a text.
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
    model: str = column("Language model that phrased it, every number checked; null: the rules.", nullable=True)
    fallback_reason: str = column("Why the rules phrased it; null where the model did.", nullable=True)
    request_hash: str = column("What was asked, as in audit.language_model_calls.")
