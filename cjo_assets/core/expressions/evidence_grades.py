"""Evidence grades of costs and values, shared by all families."""

COST, VALUE = "cost", "value"
# Compared with a random holdout; with customers chosen otherwise; with an earlier period; with nothing.
RANDOMISED, MATCHED, BEFORE_AFTER, ASSUMPTION = "randomised", "matched", "before_after", "assumption"
# From strong to weak.
EVIDENCE_GRADES = [RANDOMISED, MATCHED, BEFORE_AFTER, ASSUMPTION]
