"""`cjo qbr`: a page on one quarter of one subject."""
