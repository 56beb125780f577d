"""What the admins of both apps share: a module per subject, put together in nullstore.admin.base."""
