"""Lists of tables of any size: keyset pages, bounded counts, filters that ask the database nothing, statement timeouts.

nullstore.admin.lists.admin has what an admin class inherits, nullstore.admin.lists.filters what it puts in list_filter.
"""
