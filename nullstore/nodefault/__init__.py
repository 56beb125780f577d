"""The database backend of the alias `default`: it refuses on purpose, so that nothing lands anywhere unrouted.

Why a backend and not an empty dictionary: Django asks the *default* connection what a database can return from an
INSERT (Field.db_returning), and its own dummy backend says nothing; model instances then keep DatabaseDefault
objects in place of the values that the database made.
"""
