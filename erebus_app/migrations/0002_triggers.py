"""What constraints cannot say. The bodies are frozen here: a later change is a later migration's CreateTrigger."""

from django.db import migrations

from nullstore.triggers import CreateTrigger

# The start of the transaction, as in the columns' defaults.
TOUCH = """
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
"""

# A setting of which the value is the transaction's id ends with the transaction; an owner's rights cannot be set.
REFUSE_TRUNCATE = """
BEGIN
    IF current_setting('nullstore.maintenance', true) = pg_current_xact_id()::text
        AND pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = TG_RELID), 'MEMBER')
    THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION USING
        ERRCODE = 'NS002',
        MESSAGE = format('TRUNCATE of %I.%I is refused', TG_TABLE_SCHEMA, TG_TABLE_NAME),
        HINT = 'DELETE the rows instead: DELETE is replicated, TRUNCATE is not, and the replica would keep the rows.';
END
"""

REFUSE_CHANGE = """
BEGIN
    RAISE EXCEPTION USING
        ERRCODE = 'NS003',
        MESSAGE = format('%s of %I.%I is refused: it is append-only', TG_OP, TG_TABLE_SCHEMA, TG_TABLE_NAME),
        HINT = 'INSERT another entry that sets the matter right; what was written stays.';
END
"""

LISTING_PRICE = """
BEGIN
    NEW.is_free := NEW.price_lamports = 0;
    RETURN NEW;
END
"""

# A tsvector holds 1 MB at most, else the INSERT fails; the beginning of a long text is what people search for.
LISTING_SEARCH = """
BEGIN
    IF TG_OP = 'UPDATE'
        AND (NEW.title, NEW.tags, NEW.description) IS NOT DISTINCT FROM (OLD.title, OLD.tags, OLD.description)
    THEN
        NEW.search_vector := OLD.search_vector;
        RETURN NEW;
    END IF;
    NEW.search_vector :=
        setweight(to_tsvector('pg_catalog.english'::regconfig, NEW.title), 'A')
        || setweight(to_tsvector('pg_catalog.english'::regconfig, left(array_to_string(NEW.tags, ' '), 50000)), 'B')
        || setweight(to_tsvector('pg_catalog.english'::regconfig, left(coalesce(NEW.description, ''), 50000)), 'C');
    RETURN NEW;
END
"""

LISTING_UNRATED = """
BEGIN
    NEW.rating := NULL;
    NEW.total_ratings := 0;
    RETURN NEW;
END
"""

# A row is locked before its BEFORE UPDATE trigger runs, and the query takes its snapshot after that: it sees the
# reviews of everybody who held the lock before.
LISTING_RATING = """
BEGIN
    SELECT round(avg(rating), 2), count(*) INTO NEW.rating, NEW.total_ratings
    FROM public.crossroads_reviews WHERE listing_id = NEW.id;
    RETURN NEW;
END
"""

# For each statement, not each row: a listing of which 10,000 reviews are written is counted once.
# FOR NO KEY UPDATE, not FOR UPDATE: each of two writers already holds the foreign key's KEY SHARE lock on the listing,
# and with FOR UPDATE each would wait for the other. In the order of ids, because a statement can concern many listings.
# A total that cannot be true makes crossroads_listings_rating count.
RATE_LISTINGS = """
DECLARE
    touched uuid[] := ARRAY({touched});
BEGIN
    PERFORM FROM public.crossroads_listings WHERE id = ANY(touched) ORDER BY id FOR NO KEY UPDATE;
    UPDATE public.crossroads_listings SET total_ratings = -1 WHERE id = ANY(touched);
    RETURN NULL;
END
"""
OF_CHANGED = "SELECT DISTINCT listing_id FROM changed"
OF_UPDATED = """
    SELECT DISTINCT unnest(ARRAY[before.listing_id, after.listing_id])
    FROM before FULL JOIN after USING (id)
    WHERE (before.listing_id, before.rating) IS DISTINCT FROM (after.listing_id, after.rating)
    """

REVIEWS_TRUNCATED = """
BEGIN
    UPDATE public.crossroads_listings SET total_ratings = -1 WHERE total_ratings <> 0;
    RETURN NULL;
END
"""


def touch(table: str) -> CreateTrigger:
    """Return the trigger that sets updated_at of `table`."""
    return CreateTrigger(f"{table}_touch", table=table, timing="BEFORE", events=("UPDATE",), body=TOUCH)


class Migration(migrations.Migration):
    dependencies = [("erebus_app", "0001_initial")]

    operations = [
        touch("user_references"),
        touch("agent_api_keys"),
        touch("crossroads_listings"),
        touch("crossroads_reviews"),
        touch("crossroads_deployments"),
        # ALWAYS: with ORIGIN, session_replication_role would be a second way past them.
        CreateTrigger(
            "user_references_refuse_truncate",
            table="user_references",
            timing="BEFORE",
            events=("TRUNCATE",),
            level="STATEMENT",
            body=REFUSE_TRUNCATE,
            enable="ALWAYS",
        ),
        CreateTrigger(
            "secret_access_log_append_only",
            table="secret_access_log",
            timing="BEFORE",
            events=("UPDATE", "DELETE", "TRUNCATE"),
            level="STATEMENT",
            body=REFUSE_CHANGE,
            enable="ALWAYS",
        ),
        CreateTrigger(
            "crossroads_listings_price",
            table="crossroads_listings",
            timing="BEFORE",
            events=("INSERT", "UPDATE"),
            body=LISTING_PRICE,
        ),
        CreateTrigger(
            "crossroads_listings_search_vector",
            table="crossroads_listings",
            timing="BEFORE",
            events=("INSERT", "UPDATE"),
            body=LISTING_SEARCH,
        ),
        CreateTrigger(
            "crossroads_listings_unrated",
            table="crossroads_listings",
            timing="BEFORE",
            events=("INSERT",),
            body=LISTING_UNRATED,
        ),
        CreateTrigger(
            "crossroads_listings_rating",
            table="crossroads_listings",
            timing="BEFORE",
            events=("UPDATE",),
            when="(NEW.rating, NEW.total_ratings) IS DISTINCT FROM (OLD.rating, OLD.total_ratings)",
            body=LISTING_RATING,
        ),
        CreateTrigger(
            "crossroads_reviews_inserted",
            table="crossroads_reviews",
            timing="AFTER",
            events=("INSERT",),
            level="STATEMENT",
            new_table="changed",
            body=RATE_LISTINGS.format(touched=OF_CHANGED),
        ),
        CreateTrigger(
            "crossroads_reviews_updated",
            table="crossroads_reviews",
            timing="AFTER",
            events=("UPDATE",),
            level="STATEMENT",
            old_table="before",
            new_table="after",
            body=RATE_LISTINGS.format(touched=OF_UPDATED),
        ),
        CreateTrigger(
            "crossroads_reviews_deleted",
            table="crossroads_reviews",
            timing="AFTER",
            events=("DELETE",),
            level="STATEMENT",
            old_table="changed",
            body=RATE_LISTINGS.format(touched=OF_CHANGED),
        ),
        CreateTrigger(
            "crossroads_reviews_truncated",
            table="crossroads_reviews",
            timing="AFTER",
            events=("TRUNCATE",),
            level="STATEMENT",
            body=REVIEWS_TRUNCATED,
        ),
    ]
