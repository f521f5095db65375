"""SQL macros of the journey in the published database."""

from cjo_assets.core.family import Macro
from cjo_assets.engine.sql import literal, newest_day_of
from cjo_assets.families.journey.questions._raw_rows import records
from cjo_assets.families.journey.value._evidence_cells import contributions_of

DAY_ASKED = f"coalesce(day, {newest_day_of(literal('journey'))})"

MACROS = (
    Macro(
        "history(customer)",
        "Stage, risk and decision of a customer on every published day.",
        """TABLE SELECT states.as_of, states.journey_stage, states.days_in_state, risks.overall_risk_score,
            risks.risk_tier, decisions.recommended_action, decisions.intervention_id
        FROM journey.journey_states AS states
        LEFT JOIN journey.risk_scores AS risks USING (as_of, customer_id)
        LEFT JOIN journey.recommended_interventions AS decisions USING (as_of, customer_id)
        WHERE states.customer_id = customer ORDER BY states.as_of""",
    ),
    Macro(
        "evidence(customer, day := NULL)",
        "The accepted rows about a customer known on a day, each with its file, its row and hashes of both.",
        f"TABLE {records('customer', DAY_ASKED)}",
    ),
    Macro(
        "entered(customer, day := NULL)",
        "The KPI and ROI values that the interventions of a customer contribute to on a day, with amounts.",
        f"TABLE {contributions_of('customer', DAY_ASKED)}",
    ),
    Macro(
        "versions(customer)",
        "All decisions for a customer, each with the entry that superseded it, if any.",
        """TABLE SELECT ledger.*, later.entry AS superseded_by
        FROM audit.decision_ledger AS ledger
        LEFT JOIN audit.decision_ledger AS later ON later.supersedes = ledger.entry
        WHERE ledger.customer_id = customer ORDER BY ledger.entry""",
    ),
    Macro(
        "why(customer, day := NULL)",
        "The decision for a customer on a day, by default the latest, step by step.",
        f"""TABLE SELECT * FROM (
            SELECT 0 AS step, dataset || ' ' || record_key AS subject, source_file || ' row ' || source_row AS value,
                'file ' || file_sha256 || ', content ' || content_hash AS because
            FROM evidence(customer, day := day)
            UNION ALL
            SELECT 1 AS step, 'stage' AS subject, journey_stage AS value,
                days_in_state || ' days, ' || transition AS because
            FROM journey.journey_states WHERE customer_id = customer AND as_of = {DAY_ASKED}
            UNION ALL
            SELECT 2, 'health', stage_health, array_to_string(friction_reasons, ', ')
            FROM journey.journey_evaluations WHERE customer_id = customer AND as_of = {DAY_ASKED}
            UNION ALL
            SELECT 3, 'signal ' || signal_id, signal_type || ' ' || signal_strength, detected_at || ', ' || source
            FROM journey.signals WHERE customer_id = customer AND detected_at <= {DAY_ASKED}
            UNION ALL
            SELECT 4, score, factor || ' ' || contribution, 'raw value ' || raw_value || ', weight ' || weight
            FROM journey.risk_contributions WHERE customer_id = customer AND as_of = {DAY_ASKED}
            UNION ALL
            SELECT 5, 'risk', overall_risk_score || ' ' || coalesce(risk_tier, 'no tier'),
                array_to_string(risk_factors, ', ')
            FROM journey.risk_scores WHERE customer_id = customer AND as_of = {DAY_ASKED}
            UNION ALL
            SELECT 6, 'candidate ' || playbook_id, coalesce('lost: ' || first_failed_rule, 'chosen'),
                'decision risk ' || decision_risk || ' against ' || risk_threshold || ', confidence ' || confidence
            FROM journey.playbook_candidates WHERE customer_id = customer AND as_of = {DAY_ASKED}
            UNION ALL
            SELECT 7, 'decision ' || intervention_id, recommended_action,
                'signals ' || array_to_string(triggered_by_signals, ', ') || '; confidence ' || confidence
            FROM journey.recommended_interventions WHERE customer_id = customer AND as_of = {DAY_ASKED}
            UNION ALL
            SELECT 7, 'no decision', reason, NULL
            FROM journey.coverage_gaps WHERE customer_id = customer AND as_of = {DAY_ASKED}
            UNION ALL
            SELECT 8, 'approval of ' || intervention_id, approval_status, coalesce(decided_by, 'nobody yet')
            FROM journey.outcome_analyses
            WHERE customer_id = customer AND as_of = {DAY_ASKED} AND requires_human_approval
            UNION ALL
            SELECT 9, 'outcome of ' || intervention_id, outcome, 'measured ' || measured_at
            FROM journey.outcome_analyses WHERE customer_id = customer AND as_of = {DAY_ASKED} AND outcome IS NOT NULL
            UNION ALL
            SELECT 10, intervention_id || ' entered ' || table_name, concat_ws(', ', cell, evidence_grade),
                coalesce('adds ' || adds, 'is counted')
            FROM entered(customer, day := day)
            UNION ALL
            SELECT 11, 'ledger entry ' || entry, kind || ' ' || intervention_id, 'hash ' || entry_hash
            FROM audit.decision_ledger WHERE customer_id = customer AND as_of = {DAY_ASKED}
        ) ORDER BY step, subject, value""",
    ),
)
