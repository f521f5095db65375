"""What a candidate policy would change."""
