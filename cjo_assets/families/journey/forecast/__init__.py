"""Forecasts of the next stage and of churn of the journey family."""
