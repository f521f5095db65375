"""Client lifecycle: recurring revenue, pipeline, support, health and operation of organizations."""
