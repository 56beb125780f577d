"""`{% load nullstore %}`: what pages of the console show again and again."""

from django import template

from nullstore.admin import documents, show

register = template.Library()
register.simple_tag(show.pill)
register.simple_tag(show.row_link)
register.simple_tag(show.row_url)
register.simple_tag(show.list_url)
register.simple_tag(show.between)
register.simple_tag(documents.document)
register.filter(show.ago)
register.filter(show.duration)
