"""Users: the source of the replica."""

from django.contrib import admin

from erebus_app.models import UserReference
from nullstore.admin.base import TableAdmin
from nullstore.admin.identity import IdentityColumns


@admin.register(UserReference)
class UserReferenceAdmin(IdentityColumns, TableAdmin):
    pass
