"""Rows that are heavier than those of sample_data: each kind of page has its worst row, whatever the sample drew."""

from django.db import connections, transaction

from nullstore.databases import AGENTS, EREBUS

#: Who, in logs that staff would have written.
STAFF = "benchmark staff"
#: So many of these rows are engrams.
ENGRAMS = 2_000 + 500 + 30

_EREBUS = {
    "a user with 50 wallets and 500 sessions": """
        WITH one AS (SELECT user_id FROM wallets ORDER BY id LIMIT 1), more AS (
            INSERT INTO wallets (user_id, address, chain)
            SELECT user_id, 'heavy' || lpad(n::text, 39, 'x'), 'solana' FROM one, generate_series(1, 50) AS n)
        INSERT INTO sessions (user_id, token_hash, created_at, expires_at)
        SELECT user_id, encode(sha256(('heavy' || n)::bytea), 'hex'), now() - n * interval '1 hour', now() + '1 day'
        FROM one, generate_series(1, 500) AS n""",
    "a listing that 500 people reviewed, bought and deployed": """
        WITH one AS (SELECT id FROM crossroads_listings WHERE status = 'approved' ORDER BY id LIMIT 1), who AS (
            SELECT id, 'heavy' || n AS wallet, n FROM one, generate_series(1, 500) AS n), favorites AS (
            INSERT INTO crossroads_favorites (listing_id, wallet_address) SELECT id, wallet FROM who), bought AS (
            INSERT INTO crossroads_purchases (listing_id, buyer_wallet, price_paid_lamports)
            SELECT id, wallet, 1000 FROM who), deployed AS (
            INSERT INTO crossroads_deployments (listing_id, deployer_wallet, status)
            SELECT id, wallet, 'running' FROM who), versions AS (
            INSERT INTO crossroads_listing_versions (listing_id, version) SELECT id, '9.' || n FROM who)
        INSERT INTO crossroads_reviews (listing_id, reviewer_wallet, rating)
        SELECT id, wallet, 1 + mod(n, 5) FROM who""",
    "what was done with keys": """
        INSERT INTO secret_access_log (api_key_id, agent_name, provider, action, actor, at)
        SELECT id, agent_name, provider, (ARRAY['added', 'rotated', 'revealed', 'revoked'])[1 + mod(n, 4)], %(staff)s,
            now() - n * interval '5 minutes'
        FROM agent_api_keys, generate_series(1, 5000) AS n""",
    "comparisons": """
        INSERT INTO verification_runs (requested_by, state, started_at, finished_at)
        SELECT %(staff)s, 'equal', now() - n * interval '1 hour', now() - n * interval '1 hour'
        FROM generate_series(1, 5000) AS n""",
    "the admin's log": """
        WITH staff AS (
            INSERT INTO auth_user (username, password, is_superuser, is_staff, is_active, first_name, last_name, email,
                date_joined)
            VALUES (%(staff)s, '!', false, false, false, '', '', '', now()) RETURNING id), listed AS (
            SELECT id, title FROM crossroads_listings ORDER BY id LIMIT 1000)
        INSERT INTO django_admin_log (action_time, user_id, content_type_id, object_id, object_repr, action_flag,
            change_message)
        SELECT now() - n * interval '1 minute', staff.id, type.id, listed.id::text, left(listed.title, 200), 2, '[]'
        FROM staff, listed, django_content_type AS type, generate_series(1, 100) AS n
        WHERE (type.app_label, type.model) = ('erebus_app', 'listing')""",
}
_AGENTS = {
    "a user with 20,000 tasks": """
        WITH one AS (SELECT user_id FROM tasks WHERE user_id IS NOT NULL ORDER BY id LIMIT 1)
        UPDATE tasks SET user_id = one.user_id FROM one
        WHERE id IN (SELECT id FROM tasks ORDER BY created_at LIMIT (
            SELECT least(20000, greatest(reltuples, 0) / 10) FROM pg_class WHERE oid = 'tasks'::regclass))""",
    "a conversation of 500 tasks": """
        WITH one AS (SELECT context_id FROM tasks ORDER BY id LIMIT 1)
        UPDATE tasks SET context_id = one.context_id FROM one
        WHERE id IN (SELECT id FROM tasks ORDER BY id LIMIT least(500, (SELECT count(*) FROM (
            SELECT FROM tasks LIMIT 5000) AS few) / 10))""",
    "a task of it with 300 messages, 100 artifacts and 200 parts": """
        UPDATE tasks SET
            history = (SELECT jsonb_agg(jsonb_build_object('kind', 'message', 'messageId', gen_random_uuid(), 'role',
                    (ARRAY['user', 'agent'])[1 + mod(n, 2)], 'taskId', tasks.id, 'contextId', context_id, 'parts',
                    jsonb_build_array(jsonb_build_object('kind', 'text', 'text', repeat('What was said. ', 40)))))
                FROM generate_series(1, 300) AS n),
            artifacts = (SELECT jsonb_agg(jsonb_build_object('artifactId', gen_random_uuid(), 'name', 'report.md',
                    'parts', jsonb_build_array(jsonb_build_object('kind', 'text', 'text', repeat('A line. ', 200)))))
                FROM generate_series(1, 100) AS n),
            sub_tasks = (SELECT coalesce(jsonb_agg(id), '[]') FROM (
                SELECT id FROM tasks ORDER BY created_at LIMIT 200) AS parts)
        WHERE id = (SELECT id FROM tasks ORDER BY id LIMIT 1)""",
    "a task with 500 transitions": """
        INSERT INTO task_transitions (task_id, from_status, to_status, changed_by)
        SELECT id, 'working', 'working', %(staff)s FROM (SELECT id FROM tasks ORDER BY id LIMIT 1) AS one,
            generate_series(1, 500)""",
    "a wallet with 2,000 engrams": """
        INSERT INTO engrams (wallet_address, engram_type, key, content)
        SELECT wallet_address, 'knowledge', 'heavy.wallet.n' || n, '{"note": "one of many"}'
        FROM (SELECT wallet_address FROM engrams ORDER BY id LIMIT 1) AS one, generate_series(1, 2000) AS n""",
    "an engram with 500 forks": """
        INSERT INTO engrams (wallet_address, engram_type, key, content, parent_id)
        SELECT 'heavy' || n, engram_type, 'heavy.fork.n' || n, content, id
        FROM (SELECT * FROM engrams ORDER BY id LIMIT 1) AS one, generate_series(1, 500) AS n""",
    "forks of forks, 30 deep": """
        DO $$ DECLARE above uuid := (SELECT id FROM engrams ORDER BY id LIMIT 1); BEGIN
            FOR n IN 1..30 LOOP
                INSERT INTO engrams (wallet_address, engram_type, key, content, parent_id)
                VALUES ('heavy line', 'knowledge', 'heavy.line.n' || n, '{}', above) RETURNING id INTO above;
            END LOOP; END $$""",
    "an engram with 300 versions": """
        DO $$ DECLARE one uuid := (SELECT id FROM engrams ORDER BY id LIMIT 1); BEGIN
            FOR n IN 1..300 LOOP
                UPDATE engrams SET content = content || jsonb_build_object('n', n) WHERE id = one;
            END LOOP; END $$""",
    "what staff did": """
        INSERT INTO ops_actions (actor, action, target_table, target_id, at)
        SELECT %(staff)s, (ARRAY['cancel', 'assign', 'retry', 'publish'])[1 + mod(n, 4)], 'tasks', id::text,
            now() - n * interval '3 minutes'
        FROM (SELECT id FROM tasks ORDER BY id LIMIT 200) AS few, generate_series(1, 500) AS n""",
}


def write_heavy_rows() -> None:
    """Write them, all or none per database. Needs the rows of sample_data; to be done once."""
    for alias, statements in ((EREBUS, _EREBUS), (AGENTS, _AGENTS)):
        with transaction.atomic(using=alias), connections[alias].cursor() as cursor:
            for statement in statements.values():
                # A DO block takes no parameters, and has none.
                cursor.execute(statement, {"staff": STAFF} if "%(" in statement else None)
