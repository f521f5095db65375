"""How we know that a cost or a value is what we say it is.

Belongs here: the words, one list for all families. Does not belong here: which figure has which grade; the table that
holds it says that.
"""

COST, VALUE = "cost", "value"
# Chance alone decided who was left alone; somebody chose; another time; nothing was compared.
RANDOMISED, MATCHED, BEFORE_AFTER, ASSUMPTION = "randomised", "matched", "before_after", "assumption"
# From strong to weak.
EVIDENCE_GRADES = [RANDOMISED, MATCHED, BEFORE_AFTER, ASSUMPTION]
