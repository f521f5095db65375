-- The tables of the yardstick, as somebody would write them by hand in DuckDB for the packaged policy. Every block builds
-- one table; the line above it names the table, and the benchmark compares the platform on exactly these, row by row.
-- $data is the folder of the files, $as_of the day.
-- They have the platform's columns, but for the hash of the file: where a row stood in its file, and of a row that was
-- turned away everything that was read. They are not sorted, as the platform's are.
-- They are the tables from the files to the judgement of each customer. What comes after rests on forecasts that are
-- learned from the log; nobody writes those by hand on the side, so they are measured without a yardstick.

-- table: quarantine.customers
CREATE TABLE quarantine.customers AS
WITH judged AS (
    SELECT 'customers' AS dataset, 'customers.parquet' AS source_file, file_row_number + 1 AS source_row,
        customer_id AS record_key, customer_id, NULL::DATE AS record_date,
        list_filter([
            CASE WHEN count(*) OVER (PARTITION BY customer_id) > 1 THEN 'key: stands again with different content' END,
            CASE WHEN customer_id IS NULL THEN 'customer_id: missing' END,
            CASE WHEN segment IS NULL OR segment NOT IN ('SMB', 'Mid-Market', 'Enterprise') THEN 'segment' END,
            CASE WHEN account_value IS NULL OR account_value NOT BETWEEN 0 AND 1e12 THEN 'account_value' END,
            CASE WHEN tenure_months IS NULL OR tenure_months < 0 THEN 'tenure_months' END,
            CASE WHEN risk_tier NOT IN ('high', 'medium', 'low') THEN 'risk_tier' END
        ], lambda rule: rule IS NOT NULL) AS broken_rules,
        segment, account_value, tenure_months, risk_tier
    FROM read_parquet('$data/customers.parquet', file_row_number = true)
)
SELECT * EXCLUDE (segment, account_value, tenure_months, risk_tier),
    to_json({'customer_id': customer_id, 'segment': segment, 'account_value': account_value,
        'tenure_months': tenure_months, 'risk_tier': risk_tier})::VARCHAR AS raw_record
FROM judged WHERE len(broken_rules) > 0;

-- table: journey.customers
CREATE TABLE journey.customers AS
SELECT customer_id, segment, account_value::DOUBLE AS account_value, tenure_months::BIGINT AS tenure_months, risk_tier,
    'customers.parquet' AS source_file, file_row_number + 1 AS source_row
FROM read_parquet('$data/customers.parquet', file_row_number = true)
WHERE file_row_number + 1 NOT IN (SELECT source_row FROM quarantine.customers);

-- table: quarantine.journey_state_log
CREATE TABLE quarantine.journey_state_log AS
WITH judged AS (
    SELECT 'journey_state_log' AS dataset, 'journey_state_log.parquet' AS source_file,
        file_row_number + 1 AS source_row, customer_id, state_entered_at AS record_date,
        list_filter([
            CASE WHEN count(*) OVER (PARTITION BY customer_id, state_entered_at, journey_stage) > 1 THEN 'key' END,
            CASE WHEN customer_id IS NULL THEN 'customer_id: missing' END,
            CASE WHEN customer_id NOT IN (SELECT customer_id FROM journey.customers) THEN 'unknown customer' END,
            CASE WHEN journey_stage IS NULL OR journey_stage NOT IN
                ('onboarding', 'engagement', 'support', 'retention', 'escalation', 'churned') THEN 'journey_stage' END,
            CASE WHEN previous_stage NOT IN
                ('onboarding', 'engagement', 'support', 'retention', 'escalation', 'churned') THEN 'previous_stage' END,
            CASE WHEN state_entered_at IS NULL THEN 'state_entered_at: missing' END,
            CASE WHEN days_in_state < 0 THEN 'days_in_state: below 0' END
        ], lambda rule: rule IS NOT NULL) AS broken_rules,
        journey_stage, days_in_state, previous_stage
    FROM read_parquet('$data/journey_state_log.parquet', file_row_number = true)
)
SELECT * EXCLUDE (journey_stage, days_in_state, previous_stage),
    concat_ws(' | ', customer_id, record_date, journey_stage) AS record_key,
    to_json({'customer_id': customer_id, 'journey_stage': journey_stage, 'state_entered_at': record_date,
        'days_in_state': days_in_state, 'previous_stage': previous_stage})::VARCHAR AS raw_record
FROM judged WHERE len(broken_rules) > 0;

-- table: journey.state_entries
CREATE TABLE journey.state_entries AS
SELECT customer_id, journey_stage, state_entered_at, days_in_state::BIGINT AS days_in_state, previous_stage,
    NULL::VARCHAR AS confirmed_stage, 'journey_state_log.parquet' AS source_file, file_row_number + 1 AS source_row
FROM read_parquet('$data/journey_state_log.parquet', file_row_number = true)
WHERE file_row_number + 1 NOT IN (SELECT source_row FROM quarantine.journey_state_log);

-- table: quarantine.signals
CREATE TABLE quarantine.signals AS
WITH judged AS (
    SELECT *, list_filter([
            CASE WHEN count(*) OVER (PARTITION BY signal_id) > 1 THEN 'key' END,
            CASE WHEN customer_id NOT IN (SELECT customer_id FROM journey.customers) THEN 'unknown customer' END,
            CASE WHEN customer_id IS NULL OR signal_id IS NULL OR signal_type IS NULL OR detected_at IS NULL
                THEN 'missing' END,
            CASE WHEN signal_strength IS NULL OR signal_strength NOT BETWEEN 0 AND 1 THEN 'signal_strength' END,
            CASE WHEN journey_stage NOT IN
                ('onboarding', 'engagement', 'support', 'retention', 'escalation', 'churned') THEN 'journey_stage' END,
            CASE WHEN source IS NULL OR source NOT IN ('automated', 'manual') THEN 'source' END
        ], lambda rule: rule IS NOT NULL) AS broken_rules
    FROM read_parquet('$data/signals.parquet', file_row_number = true)
), placed AS (
    SELECT *,
        row_number() OVER (
            PARTITION BY customer_id, signal_type, detected_at, len(broken_rules) = 0
            ORDER BY CASE source WHEN 'automated' THEN 1.0 ELSE 0.8 END DESC, signal_strength DESC, signal_id
        ) AS place
    FROM judged
)
SELECT 'signals' AS dataset, 'signals.parquet' AS source_file, file_row_number + 1 AS source_row,
    signal_id AS record_key, customer_id, detected_at AS record_date,
    CASE WHEN len(broken_rules) = 0 THEN ['a more credible signal'] ELSE broken_rules END AS broken_rules,
    to_json({'signal_id': signal_id, 'customer_id': customer_id, 'signal_type': signal_type,
        'signal_strength': signal_strength, 'detected_at': detected_at, 'journey_stage': journey_stage,
        'source': source})::VARCHAR AS raw_record
FROM placed WHERE len(broken_rules) > 0 OR place > 1;

-- table: journey.signals
CREATE TABLE journey.signals AS
SELECT signal_id, customer_id, signal_type, signal_strength::DOUBLE AS signal_strength, detected_at, journey_stage,
    source, NULL::DOUBLE AS normalized_strength, NULL::DOUBLE AS risk_weight, NULL::DOUBLE AS segment_adjustment,
    'signals.parquet' AS source_file, file_row_number + 1 AS source_row
FROM read_parquet('$data/signals.parquet', file_row_number = true)
WHERE file_row_number + 1 NOT IN (SELECT source_row FROM quarantine.signals);

-- table: journey.journey_states
CREATE TABLE journey.journey_states AS
WITH entries AS (
    SELECT *, coalesce(lag(journey_stage) OVER in_order, previous_stage) AS came_from,
        row_number() OVER (PARTITION BY customer_id ORDER BY state_entered_at DESC) AS place_from_last
    FROM journey.state_entries WHERE state_entered_at <= $as_of
    WINDOW in_order AS (PARTITION BY customer_id ORDER BY state_entered_at)
)
SELECT $as_of AS as_of, c.customer_id, c.segment, e.journey_stage, e.state_entered_at,
    $as_of - e.state_entered_at AS days_in_state, e.days_in_state AS reported_days_in_state,
    e.came_from AS previous_stage,
    CASE
        WHEN e.customer_id IS NULL THEN 'unknown'
        WHEN e.came_from IS NULL THEN CASE e.journey_stage WHEN 'onboarding' THEN 'initial' ELSE 'unknown' END
        WHEN (e.came_from, e.journey_stage) = ('retention', 'support') THEN 're_entry'
        WHEN (e.came_from, e.journey_stage) IN (
            ('onboarding', 'engagement'), ('engagement', 'support'), ('engagement', 'retention'),
            ('engagement', 'churned'), ('support', 'retention'), ('support', 'escalation'), ('support', 'churned'),
            ('retention', 'support'), ('retention', 'churned'), ('escalation', 'support'), ('escalation', 'retention'),
            ('escalation', 'churned')
        ) THEN 'valid'
        ELSE 'invalid'
    END AS transition
FROM journey.customers AS c
LEFT JOIN entries AS e ON e.customer_id = c.customer_id AND e.place_from_last = 1;

-- table: journey.aggregated_signals
CREATE TABLE journey.aggregated_signals AS
WITH catalogue(signal_type, is_negative, factor) AS (
    VALUES ('negative_sentiment', TRUE, 0.5 + 0.5 * 0.30 / 0.30), ('support_ticket_spike', TRUE, 0.5 + 0.5 * 0.25 / 0.30),
        ('usage_drop', TRUE, 0.5 + 0.5 * 0.20 / 0.30), ('repeat_support_tickets', TRUE, 0.5 + 0.5 * 0.15 / 0.30),
        ('failed_onboarding_step', TRUE, 0.5 + 0.5 * 0.10 / 0.30),
        ('support_satisfaction_low', TRUE, 0.5 + 0.5 * 0.10 / 0.30),
        ('inactivity_warning', TRUE, 0.5 + 0.5 * 0.10 / 0.30), ('low_product_usage', TRUE, 0.5 + 0.5 * 0.10 / 0.30),
        ('positive_sentiment', FALSE, 0.5 + 0.5 * 0.10 / 0.30), ('renewal_intent', FALSE, 0.5 + 0.5 * 0.10 / 0.30),
        ('usage_recovery', FALSE, 0.5 + 0.5 * 0.10 / 0.30)
), seen AS (
    SELECT s.customer_id, s.signal_type, s.signal_strength, k.is_negative,
        CASE s.source WHEN 'automated' THEN 1.0::DOUBLE ELSE 0.8 END AS trust,
        s.signal_strength * trust * k.factor::DOUBLE AS severity
    FROM journey.signals AS s LEFT JOIN catalogue AS k USING (signal_type)
    WHERE s.detected_at BETWEEN $as_of - 90 AND $as_of
), evidence AS (
    SELECT customer_id, count(*) AS total_signals, count(*) FILTER (is_negative) AS negative_signals,
        count(*) FILTER (NOT is_negative) AS positive_signals, avg(signal_strength) AS average_signal_strength,
        max(signal_strength) AS max_signal_strength, list_sort(list(DISTINCT signal_type)) AS signal_types,
        sum(severity) FILTER (is_negative) AS negative_severity,
        sum(severity) FILTER (NOT is_negative) AS positive_severity,
        max(severity) FILTER (NOT is_negative) AS strongest_positive,
        bool_or(severity >= 1) FILTER (is_negative) AS is_certain,
        sum(ln(nullif(1 - severity, 0))) FILTER (is_negative) AS log_of_calm, avg(trust) AS average_source_trust
    FROM seen GROUP BY customer_id
)
SELECT $as_of AS as_of, c.customer_id, coalesce(total_signals, 0) AS total_signals,
    coalesce(negative_signals, 0) AS negative_signals, coalesce(positive_signals, 0) AS positive_signals,
    round(average_signal_strength::DECIMAL(18, 12), 6)::DOUBLE AS average_signal_strength,
    round(max_signal_strength::DECIMAL(18, 12), 6)::DOUBLE AS max_signal_strength,
    coalesce(signal_types, []) AS signal_types,
    round(coalesce(negative_severity, 0)::DECIMAL(18, 12), 6)::DOUBLE AS negative_severity,
    round(coalesce(positive_severity, 0)::DECIMAL(18, 12), 6)::DOUBLE AS positive_severity,
    round(average_source_trust::DECIMAL(18, 12), 6)::DOUBLE AS average_source_trust,
    round(((CASE WHEN is_certain THEN 1 ELSE 1 - exp(coalesce(log_of_calm, 0)) END)
        * (1 - 0.5 * coalesce(strongest_positive, 0)))::DECIMAL(18, 12), 6)::DOUBLE AS aggregated_risk_score
FROM journey.customers AS c LEFT JOIN evidence USING (customer_id);

-- table: journey.fused_signals
CREATE TABLE journey.fused_signals AS
WITH catalogue(signal_type, is_negative, factor) AS (
    VALUES ('negative_sentiment', TRUE, 0.5 + 0.5 * 0.30 / 0.30), ('support_ticket_spike', TRUE, 0.5 + 0.5 * 0.25 / 0.30),
        ('usage_drop', TRUE, 0.5 + 0.5 * 0.20 / 0.30), ('repeat_support_tickets', TRUE, 0.5 + 0.5 * 0.15 / 0.30),
        ('failed_onboarding_step', TRUE, 0.5 + 0.5 * 0.10 / 0.30),
        ('support_satisfaction_low', TRUE, 0.5 + 0.5 * 0.10 / 0.30),
        ('inactivity_warning', TRUE, 0.5 + 0.5 * 0.10 / 0.30), ('low_product_usage', TRUE, 0.5 + 0.5 * 0.10 / 0.30),
        ('positive_sentiment', FALSE, 0.5 + 0.5 * 0.10 / 0.30), ('renewal_intent', FALSE, 0.5 + 0.5 * 0.10 / 0.30),
        ('usage_recovery', FALSE, 0.5 + 0.5 * 0.10 / 0.30)
), latest AS (
    SELECT intervention_id, arg_max(outcome, (measured_at, outcome_id)) AS outcome
    FROM '$data/outcomes.parquet' WHERE measured_at <= $as_of GROUP BY intervention_id
), settled AS (
    SELECT DISTINCT i.customer_id, unnest(i.triggered_by_signals) AS signal_id
    FROM '$data/interventions.parquet' AS i JOIN latest USING (intervention_id)
    WHERE latest.outcome IN ('resolved', 'improved_engagement') AND NOT i.requires_human_approval
), seen AS (
    SELECT s.customer_id, s.signal_type, s.detected_at, k.is_negative, (s.customer_id, s.signal_id) IN (FROM settled) AS is_settled,
        $as_of - s.detected_at AS age_days,
        least(coalesce(s.normalized_strength, s.signal_strength)
            * CASE s.source WHEN 'automated' THEN 1.0::DOUBLE ELSE 0.8 END * k.factor::DOUBLE, 1) AS unfaded,
        unfaded * pow(0.5, age_days / 14) AS faded
    FROM journey.signals AS s LEFT JOIN catalogue AS k USING (signal_type)
    WHERE s.detected_at BETWEEN $as_of - 90 AND $as_of
), evidence AS (
    SELECT customer_id, count(*) FILTER (NOT is_settled) AS counted_signals,
        count(*) FILTER (is_settled) AS settled_signals,
        list_sort(list(DISTINCT signal_type) FILTER (NOT is_settled)) AS counted_signal_types,
        sum(faded) FILTER (is_negative AND NOT is_settled) AS negative_severity,
        sum(faded) FILTER (NOT is_negative AND NOT is_settled) AS positive_severity,
        max(faded) FILTER (NOT is_negative AND NOT is_settled) AS strongest_positive,
        bool_or(faded >= 1) FILTER (is_negative AND NOT is_settled) AS is_certain,
        sum(ln(nullif(1 - faded, 0))) FILTER (is_negative AND NOT is_settled) AS log_of_calm,
        count(*) FILTER (is_negative AND NOT is_settled AND age_days < 7) AS short_window_negative_signals,
        count(*) FILTER (is_negative AND NOT is_settled AND age_days < 30) AS long_window_negative_signals,
        sum(unfaded) FILTER (is_negative AND NOT is_settled AND age_days < 7) AS recent_severity,
        sum(unfaded) FILTER (is_negative AND NOT is_settled AND age_days BETWEEN 7 AND 29) AS earlier_severity,
        min(detected_at) FILTER (NOT is_settled) AS first_seen, max(detected_at) FILTER (NOT is_settled) AS last_seen
    FROM seen GROUP BY customer_id
), fused AS (
    SELECT c.customer_id, e.* EXCLUDE (customer_id),
        round((coalesce(recent_severity, 0) / 7)::DECIMAL(18, 12), 6)::DOUBLE AS recent_severity_per_day,
        round((coalesce(earlier_severity, 0) / 23)::DECIMAL(18, 12), 6)::DOUBLE AS earlier_severity_per_day
    FROM journey.customers AS c LEFT JOIN evidence AS e USING (customer_id)
)
SELECT $as_of AS as_of, customer_id, coalesce(counted_signals, 0) AS counted_signals,
    coalesce(settled_signals, 0) AS settled_signals, coalesce(counted_signal_types, []) AS counted_signal_types,
    round(coalesce(negative_severity, 0)::DECIMAL(18, 12), 6)::DOUBLE AS negative_severity,
    round(coalesce(positive_severity, 0)::DECIMAL(18, 12), 6)::DOUBLE AS positive_severity,
    round(((CASE WHEN is_certain THEN 1 ELSE 1 - exp(coalesce(log_of_calm, 0)) END)
        * (1 - 0.5 * coalesce(strongest_positive, 0)))::DECIMAL(18, 12), 6)::DOUBLE AS fused_risk_score,
    coalesce(short_window_negative_signals, 0) AS short_window_negative_signals,
    coalesce(long_window_negative_signals, 0) AS long_window_negative_signals,
    recent_severity_per_day, earlier_severity_per_day,
    CASE
        WHEN coalesce(counted_signals, 0) = 0 THEN NULL
        WHEN recent_severity_per_day > round((earlier_severity_per_day * 1.25)::DECIMAL(18, 12), 6) THEN 'worsening'
        WHEN recent_severity_per_day < round((earlier_severity_per_day * 0.75)::DECIMAL(18, 12), 6) THEN 'improving'
        ELSE 'stable'
    END AS trend, first_seen, last_seen
FROM fused;

-- table: journey.journey_evaluations
CREATE TABLE journey.journey_evaluations AS
WITH limits(journey_stage, threshold, typical) AS (
    VALUES ('onboarding', 14, 14), ('engagement', 30, 30), ('support', 5, 7), ('retention', NULL, 90), ('escalation', 3, 3)
), judged AS (
    SELECT s.*, l.threshold,
        coalesce(s.days_in_state > l.threshold, s.days_in_state > 1.5 * l.typical, FALSE) AS is_too_long,
        s.journey_stage IS NOT DISTINCT FROM 'churned' AS has_left, a.negative_signals, c.tenure_months
    FROM journey.journey_states AS s JOIN journey.aggregated_signals AS a USING (customer_id)
    JOIN journey.customers AS c USING (customer_id) LEFT JOIN limits AS l ON l.journey_stage = s.journey_stage
), reasoned AS (
    SELECT *, list_filter([
            CASE WHEN NOT has_left AND tenure_months <= 3 AND (negative_signals > 0 OR transition = 'invalid')
                THEN 'early_tenure_friction' END,
            CASE WHEN NOT has_left AND is_too_long THEN 'exceeded_typical_' || journey_stage || '_duration' END,
            CASE WHEN NOT has_left AND negative_signals >= 2 THEN 'multiple_negative_signals' END
        ], lambda reason: reason IS NOT NULL) AS friction_reasons
    FROM judged
)
SELECT as_of, customer_id, journey_stage AS current_stage, days_in_state,
    len(friction_reasons) > 0 AS friction_detected, friction_reasons,
    CASE
        WHEN journey_stage IS NULL OR has_left THEN NULL
        WHEN days_in_state > 1.5 * threshold THEN 'critical'
        WHEN len(friction_reasons) > 0 THEN 'at_risk'
        ELSE 'healthy'
    END AS stage_health
FROM reasoned;
