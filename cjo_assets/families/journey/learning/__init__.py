"""Effects learned from outcomes of the journey family."""
