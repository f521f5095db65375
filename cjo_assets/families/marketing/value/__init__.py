"""KPIs and return of the marketing family."""
