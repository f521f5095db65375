"""Comparison of the evidence of KPIs and ROI with their cells."""

import duckdb
import pytest

# What is counted of signals, stages, customers and time, and not of interventions.
OF_OTHERS = {"journey_state_classification_accuracy", "signal_detection_recall", "data_completeness_rate"}
ROI = ("playbook_cost", "human_review_time", "api_calls", "retained_revenue")


def assert_cells_add_up(reader: duckdb.DuckDBPyConnection, entered: list[str], schema: str) -> set[str]:
    """Compare with every cell that counts interventions, and return the cells.

    Args:
        reader: a database.
        entered: a query for what entered, for each customer.
        schema: schema of kpis and roi_breakdown.
    """
    everybody = " UNION ALL ".join(f"FROM ({query})" for query in entered)
    query = f"SELECT table_name, cell, evidence_grade, count(*), sum(adds) FROM ({everybody}) GROUP BY ALL"
    found = {tuple(row[:3]): (row[3], row[4]) for row in reader.execute(query).fetchall()}
    names = {f"{cell} {grade}" if grade else cell for _, cell, grade in found}
    kpis = f"SELECT kpi, n, numerator, basis FROM {schema}.kpis WHERE n > 0 AND baseline IS NULL"
    for kpi, n, numerator, basis in reader.execute(kpis).fetchall():
        if kpi not in OF_OTHERS and (kpi, basis) != ("signal_detection_precision", "measured"):
            count, total = found.pop(("journey.kpis", kpi, None))
            assert count == n, kpi
            # Rates of channels do not add up.
            assert total == (None if kpi == "experience_consistency_score" else pytest.approx(numerator, abs=0.01)), kpi
    parts = f"SELECT component, evidence_grade, records, quantity FROM {schema}.roi_breakdown WHERE records > 0"
    for component, grade, records, quantity in reader.execute(parts).fetchall():
        if component in ROI:
            count, total = found.pop(("journey.roi_breakdown", component, grade))
            assert total == (None if quantity is None else pytest.approx(quantity)), (component, grade)
            assert (total if component == "human_review_time" else count) == records, (component, grade)
    assert found == {}, "nothing enters a cell that is not there"
    return names
