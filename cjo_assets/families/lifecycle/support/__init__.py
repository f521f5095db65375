"""SLA clocks of tickets, escalations, and daily metrics of service and usage."""
