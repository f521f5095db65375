"""Health, stages, messages and opportunities of clients, and the signals derived for the journey."""
