"""KPIs and return of the journey family."""
