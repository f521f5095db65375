"""System tests with requirements beyond Python, which are named if they are missing."""
