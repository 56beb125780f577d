"""The read-only replica of erebus' users."""

from django.contrib import admin

from agents_app.models import UserReference
from nullstore.admin.identity import IdentityColumns
from nullstore.admin.readonly import ReplicaAdmin


@admin.register(UserReference)
class UserReferenceAdmin(IdentityColumns, ReplicaAdmin):
    pass
