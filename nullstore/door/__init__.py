"""Who is let into the console: failed logins and their limit, and the second factor of staff."""
